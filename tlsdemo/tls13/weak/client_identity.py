"""CLIENT_IDENTITY removed: the server asks for no certificate, and the client presents none.

The server does not know which client it talks to. This is how the web uses TLS: users log in afterwards. A client does
not notice. A server notices if it requires a certificate. Attack: `impostor-client`.
"""

from dataclasses import replace

from tlsdemo.protocol import Side
from tlsdemo.tls13.handshake import SERVER
from tlsdemo.tls13.machine import Machine, Parts
from tlsdemo.wire.messages13 import Certificate


def present_nothing(peer: Machine) -> None:
    """Send an empty Certificate, the answer of a client without one (§4.4.2)."""
    peer.say(Certificate(b"", ()))


def weaken(parts: Parts) -> Parts:
    """Remove CertificateRequest, and the client's proofs."""
    return replace(parts, server=SERVER, request=(), prove={**parts.prove, Side.CLIENT: (present_nothing,)})
