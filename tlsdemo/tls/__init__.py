"""Real TLS with Python's `ssl`.

client             wraps a connected socket, sends one message; can be copied
server             wraps an accepted socket, answers one message; can be copied
context            the only builder of an `ssl.SSLContext`: what is checked is decided here
protocol           TLS with a set of protections, as a Protocol
endpoint           TLS in memory, as an Endpoint
connection         one connection of `tlsdemo serve`: its messages and events
channel            TLS on a socket of the accept loop, which does not block
server_name        the name that a client asks for
plaintext_reply    what a server sends instead of TLS
errors             OpenSSL's verify codes and alerts in words
"""
