"""Servers on this machine. EDGE.

accept    the accept loop, of this package and of `tlsdemo.net`
http1     HTTP/1.1 requests and responses
server    CRLs and OCSP responses over HTTP
"""
