"""Sockets. EDGE; knows no protocol. The accept loop is that of `pki.publish.accept`.

address          HOST:PORT; listening, connecting
link             an endpoint on a socket
relay            a port between client and server: an attacker sees all traffic
recorded         the bytes of a connection, kept
loopback         a conversation within this process, on sockets
connect_proxy    an HTTP proxy that connects every name to this machine
replay           a recording, sent to a server again
peeking          unread bytes of a socket
"""

from pki.publish.accept import (
    LIMIT,
    READ,
    THREADS,
    WRITE,
    AcceptLoop,
    Connection,
    ConnectionDropped,
    Handling,
    Listener,
    allow_descriptors,
    blocking,
    in_thread,
    until_signalled,
)
from tlsdemo.net.address import (
    DEFAULT_HOSTS,
    HANDSHAKE_DEADLINE,
    Address,
    Socket,
    dial,
    listen,
    listen_each,
    parse_address,
    reach,
)
from tlsdemo.net.connect_proxy import Tunnel
from tlsdemo.net.link import AsyncLink, Link
from tlsdemo.net.loopback import converse_on_sockets
from tlsdemo.net.peeking import peek
from tlsdemo.net.recorded import Passed, Recorded
from tlsdemo.net.relay import Middle, Tap
from tlsdemo.net.replay import play

__all__ = [
    "DEFAULT_HOSTS",
    "HANDSHAKE_DEADLINE",
    "LIMIT",
    "READ",
    "THREADS",
    "WRITE",
    "AcceptLoop",
    "Address",
    "AsyncLink",
    "Connection",
    "ConnectionDropped",
    "Handling",
    "Link",
    "Listener",
    "Middle",
    "Passed",
    "Recorded",
    "Socket",
    "Tap",
    "Tunnel",
    "allow_descriptors",
    "blocking",
    "converse_on_sockets",
    "dial",
    "in_thread",
    "listen",
    "listen_each",
    "parse_address",
    "peek",
    "play",
    "reach",
    "until_signalled",
]
