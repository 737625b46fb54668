"""HTTP servers for CRLs and OCSP. EDGE.

accept    the accept loop, also for `tlsdemo.net`
http1     HTTP/1.1 requests and responses
server    CRLs and OCSP responses over HTTP
folder    the CRLs and the OCSP responder of a CA's folder
"""
