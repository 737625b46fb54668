"""The bytes that wait on a socket, without taking them. EDGE."""

import socket

LONGEST = 256  # bytes


def peek(connected: socket.socket) -> bytes:
    """What has come and was not read yet, at most LONGEST bytes; empty where nothing has. Below TLS; never waits."""
    try:
        return socket.socket.recv(connected, LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""
