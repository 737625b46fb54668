"""The folder of a development CA, and every other file that a command reads or writes. EDGE.

ca             `init` and `issue`
inventory      what a folder holds
case_files     test certificates as files
files          certificates, CRLs and keys read from files
output         files that an option names
transaction    all or nothing: lock, stage, journal, rename
folder         paths followed without symbolic links
"""
