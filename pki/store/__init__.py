"""The folder of a development CA, and all other files that commands read or write. EDGE.

ca             create the folder of a CA; read a CA from it
issue          issue certificates, renew them, give them new keys
requests       certificate requests: make one, sign one
crls           revoke certificates, write CRLs
check          what fails, and what ends soon
lookup         find a certificate by name, file or serial number
inventory      the certificates in a folder, for `pki list`
bundle         the chain that a server sends, for `pki bundle`
export         certificates and keys in the formats of other programs
case_files     test certificates as files
files          certificates, CRLs and keys read from files
output         files that options name
transaction    all or nothing: lock, stage, journal, rename
folder         paths without symbolic links
"""
