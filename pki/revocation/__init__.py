"""Revocation: what CRLs say of a certificate, and how OCSP responders answer (RFC 5280 §5, §6.3; RFC 6960). Pure.

status          is a certificate of this path revoked?
crl             one CRL, each field read once
scope           which certificates a CRL is about
responder       an OCSP responder's answers
ocsp_request    what a client asks it
"""
