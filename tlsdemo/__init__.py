"""A secure channel to take apart: real TLS on the standard library's `ssl`, and who read what.

protocol            the words: sides and flights
events, talk        what happens in a conversation, and what our server answers; sans-IO
tls/                real TLS over plain sockets; server.py and client.py are short enough to copy
wire/               TLS bytes, read without any library
report/             plain values -> terminal
net                 sockets: listeners, the accept loop, deadlines, the tap
tour, cli           the story, and the commands
"""
