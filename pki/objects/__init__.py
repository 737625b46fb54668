"""Certificates, CRLs and keys: found in a file, read field by field, signatures checked. Pure.

blocks                 the objects in a file, PEM or DER
foreign                recognise other file formats
public_keys            public keys as encoded, and in words
private_keys           private keys in all formats, encrypted or not; PKCS #12
secrecy                which bytes of an object may be printed
summary                names and validity of a certificate as safe text, however malformed it is
fields                 the fields of a certificate or CRL, each read once
distinguished_names    subject and issuer: as text, and compared
extensions             the values and meanings of extensions, as text
trust_settings         OpenSSL's trust settings of a trust anchor
signatures             check the signature of a certificate or CRL
issuers                which certificate of a set issued which, and the path up to a root
subject_hash           the hash by which OpenSSL finds a certificate or CRL in a folder
pkcs12_mac             the MAC of a PKCS #12 file, with more iterations
"""
