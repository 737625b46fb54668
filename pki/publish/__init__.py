"""CRLs and OCSP responses over HTTP, on this machine. EDGE."""
