"""Revocation: what CRLs and OCSP responses say of a certificate, and who may sign them (RFC 5280 §5, §6.3; RFC 6960).

status        is any certificate of a path revoked?
crl           one CRL, field by field; scope    of which certificates it speaks
responder     an OCSP responder's answers; ocsp_request    what it is asked
"""
