"""CLIENT_IDENTITY removed: the client presents no certificate.

The server does not know which client it talks to. This is acceptable if the server is open to every client; on the
web, users log in with a password afterwards. Attack: `impostor-client`.
"""

from dataclasses import replace

from tlsdemo.edu.handshake import SERVER
from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Side


def weaken(parts: Parts) -> Parts:
    """Remove Certificate and CertificateVerify of the client."""
    return replace(parts, server=SERVER, prove={**parts.prove, Side.CLIENT: ()})
