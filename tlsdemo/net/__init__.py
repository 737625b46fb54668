"""Sockets: addresses and listeners, the accept loop with its deadlines and its pool, the tap. EDGE; knows no protocol.

address    HOST:PORT, listening on all hosts of a server with one port, dialling
server     the accept loop: a connection takes a thread only once its first byte has come
tap        a line that somebody listens on
"""

from tlsdemo.net.address import DEFAULT_HOSTS, HANDSHAKE_DEADLINE, Address, Listener, dial, listen, parse_address
from tlsdemo.net.server import Connection, Server, below_tls, drain, until_signalled
from tlsdemo.net.tap import Tap

__all__ = [
    "DEFAULT_HOSTS",
    "HANDSHAKE_DEADLINE",
    "Address",
    "Connection",
    "Listener",
    "Server",
    "Tap",
    "below_tls",
    "dial",
    "drain",
    "listen",
    "parse_address",
    "until_signalled",
]
