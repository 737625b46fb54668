"""Looks at the unread bytes of a socket. EDGE."""

import socket

LONGEST = 256  # bytes


def peek(connected: socket.socket) -> bytes:
    """The unread bytes, at most LONGEST, which stay on the socket. Below TLS; never waits."""
    try:
        return socket.socket.recv(connected, LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""
