"""Without CLIENT_IDENTITY: the client shows no certificate.

What is wrong: nothing, as long as anybody may come in; that is how the web works, where people log in by a password
afterwards. But the server does not know whom it talks to (attack: `impostor-client`).
"""

from dataclasses import replace

from tlsdemo.edu.machine import Parts
from tlsdemo.edu.weak.possession import SHOWING, show_nothing
from tlsdemo.edu.weak.tables import skip
from tlsdemo.protocol import Side


def weaken(parts: Parts) -> Parts:
    """The server does not wait for a certificate."""
    return replace(parts, server=skip(parts.server, SHOWING), prove={**parts.prove, Side.CLIENT: show_nothing})
