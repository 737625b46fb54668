"""A secure channel to take apart: an educational handshake, real TLS beside it, and the same attacker against both.

protocol         the words: protection, endpoint, protocol, party, attacker
conversation     a conversation in memory, with an attacker between client and server
driver           the state machine that runs a handshake
key_agreement    a shared secret: the toy, Diffie-Hellman, X25519, ML-KEM
trust            judges a peer's certificate chain
violations       the ways to violate a protocol, and the one exception for them
application      what our server answers
http_client      an HTTP request, and its response
events           what happens at a server, as plain values
findings         what a client did in the lab, as plain values
peer             what a peer's certificate says, as safe text
pytest_plugin    fixtures for pytest
first_bytes      what a peer speaks, by its first bytes

edu              the educational handshake; begin with edu/handshake.py
tls13            TLS 1.3 of our own, to be read; begin with tls13/handshake.py
tls              real TLS over plain sockets; server.py and client.py can be copied
wire             TLS bytes: read, written, explained
credentials      certificates with keys, the attacker's included
attack           the attacks, and what stops each of them
compare          which protocols are compared, and what they cost
explain          a conversation told byte by byte
lab              a TLS server for each mistake of a client
net              sockets; EDGE
report           plain values -> terminal, HTML, JUnit, SARIF
tour             the story in scenes; EDGE
cli              the commands; EDGE
"""
