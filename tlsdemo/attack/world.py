"""The world of an attack: two honest parties, what the attacker has come by, and a secret that is new in each run."""

from collections.abc import Mapping
from dataclasses import dataclass

from pki import Credential
from tlsdemo.protocol import Party, Side


@dataclass(frozen=True)
class World:
    """Who takes part."""

    client: Party
    server: Party
    impostors: Mapping[str, Credential]
    """Certificates with a key that the attacker can come by, by kind: rogue, self-signed, stranger, stolen."""
    secret: bytes
    """What the client says. Whoever else has it in the end has read it."""

    @property
    def lines(self) -> list[tuple[Side, bytes]]:
        """What is said."""
        return [(Side.CLIENT, b"pay to " + self.secret + b"\n"), (Side.SERVER, b"paid\n")]
