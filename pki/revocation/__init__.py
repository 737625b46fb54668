"""Revocation: the status of a certificate by CRLs, and OCSP responses (RFC 5280 §5, §6.3; RFC 6960). Pure.

status          is a certificate of this path revoked?
crl             one CRL, each field read once
scope           which certificates and reasons a CRL covers
responder       OCSP responses
ocsp_request    OCSP requests
"""
