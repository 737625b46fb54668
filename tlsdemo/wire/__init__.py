"""TLS bytes, read without any TLS library.

fields          declared structures: read, written and explained from one declaration
records         the record layer
handshake       handshake messages, ServerHello
client_hello    ClientHello
tls12           record protection of TLS 1.2
static_rsa      a recording, opened with a stolen key
"""
