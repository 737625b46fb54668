"""Sockets: addresses, the accept loop with its deadlines and its pool, endpoints on sockets. EDGE; knows no protocol.

address    HOST:PORT, listening on all hosts of a server with one port, dialling
server     the accept loop: a connection takes a thread only once its first byte has come
link       an endpoint on a socket
middle     a line that somebody sits on, who listens or does worse
loopback   a conversation within this process, on sockets
tunnel     a proxy that leads every name to this machine
playback   an old conversation, said again
peeking    the bytes that wait on a socket
"""

from tlsdemo.net.address import (
    DEFAULT_HOSTS,
    HANDSHAKE_DEADLINE,
    Address,
    Listener,
    dial,
    listen,
    listen_each,
    parse_address,
)
from tlsdemo.net.link import Link
from tlsdemo.net.loopback import converse
from tlsdemo.net.middle import Middle, Tap
from tlsdemo.net.peeking import peek
from tlsdemo.net.playback import play
from tlsdemo.net.server import Connection, Server, allow_descriptors, below_tls, drain, reset, until_signalled
from tlsdemo.net.tunnel import Tunnel

__all__ = [
    "DEFAULT_HOSTS",
    "HANDSHAKE_DEADLINE",
    "Address",
    "Connection",
    "Link",
    "Listener",
    "Middle",
    "Server",
    "Tap",
    "Tunnel",
    "allow_descriptors",
    "below_tls",
    "converse",
    "dial",
    "drain",
    "listen",
    "listen_each",
    "parse_address",
    "peek",
    "play",
    "reset",
    "until_signalled",
]
