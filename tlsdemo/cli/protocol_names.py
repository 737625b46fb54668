"""The names of the protocols that are not rungs of the educational handshake."""

TLS = "tls"
"""Python's `ssl`."""
TLS13 = "tls13"
"""TLS 1.3 of our own."""
