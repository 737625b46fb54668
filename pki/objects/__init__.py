"""Certificates, CRLs and keys: where they are in a file, what their fields say, who signed them. Pure.

blocks                 the objects in a file, PEM or DER
foreign                what a file is that holds neither
public_keys            public keys as encoded, and in words
private_keys           private keys in all their forms, encrypted or not; PKCS #12
secrecy                which bytes of an object may be printed
summary                names and dates of a certificate as safe text, whatever its bytes are
fields                 a certificate or CRL, each field read once
distinguished_names    subject and issuer: as text, and compared
extensions             what each extension says, and what it is for
trust_settings         OpenSSL's trust settings of an anchor
signatures             was this certificate or CRL signed with that key?
"""
