"""The attacks. An attacker never asks which protocol it attacks.

catalogue         all attacks, and the protections that stop each
world             the honest parties, and the data that they send
real_world        the same with this machine's clock, randomness and keys; EDGE
passive           eavesdroppers
negotiation       attackers on the handshake
tampering         attackers on the records
impostor          attackers that impersonate the server or the client
interceptor       the man in the middle: one handshake with each side
by_server_name    the same, with a certificate for the name in the ClientHello
recording         one side of a recorded conversation, sent again
on_path           the attackers on a connection between two other programs
judge             whether the attack succeeded
conclusions       the result of an interceptor, in words
matrix            predictions and measurements
"""
