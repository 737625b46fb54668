"""Without CLIENT_IDENTITY: the client presents no certificate.

What is wrong: nothing, if the server is open to every client; on the web, users log in with a password afterwards. But
the server does not know which client it talks to (attack: `impostor-client`).
"""

from dataclasses import replace

from tlsdemo.edu.handshake import SERVER
from tlsdemo.edu.machine import Parts
from tlsdemo.protocol import Side


def weaken(parts: Parts) -> Parts:
    """The server waits for no certificate, and the client sends none."""
    return replace(parts, server=SERVER, prove={**parts.prove, Side.CLIENT: ()})
