"""A secure channel to take apart: an educational handshake in rungs, real TLS beside it, and who read what.

protocol            the words: protections, endpoints, protocols, attackers; converse() brings them together in memory
edu/                the educational handshake; begin with edu/handshake.py
tls/                real TLS over plain sockets; server.py and client.py are short enough to copy
attack/             the man in the middle, and the catalogue of attacks with what stops each
events, talk        what happens in a conversation, and what our server answers; sans-IO
wire/               TLS bytes, read without any library
report/             plain values -> terminal
net/                sockets: listeners, the accept loop, deadlines, endpoints on sockets, whoever sits on the line
credentials         whose certificate is shown: the server's, or one that an attacker can come by
bench               what a handshake costs
scenes/, tour       the story
commands/, cli      the commands
"""
