"""Certificates, CRLs and keys as bytes and fields: where they are in a file, what they say, who signed them."""
