"""The attacks. None of the attackers asks which protocol it faces.

catalogue         all attacks, and what stops each
world             the honest parties, and what they say
real_world        the same with this machine's clock, randomness and keys; EDGE
passive           eavesdroppers
negotiation       attackers on the handshake
tampering         attackers on the records
impostor          attackers who pretend to be the server, or the client
interceptor       the man in the middle: two conversations, back to back
by_server_name    the same, with a certificate for the name that the client asks for
recording         one side of a conversation, played back
on_path           the attackers on a connection between two other programs
judge             who has won?
conclusions       what an interceptor says afterwards
matrix            predicted against measured
"""
