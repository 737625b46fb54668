"""The folder of a development CA, and all other files that commands read or write. EDGE.

ca             `init` and `issue`
inventory      the certificates in a folder, for `pki list`
case_files     test certificates as files
files          certificates, CRLs and keys read from files
output         files that options name
transaction    all or nothing: lock, stage, journal, rename
folder         paths without symbolic links
"""
