"""The world of an attack: two honest parties, what they say, and a secret that is new in each run.

    client   PAY 0100 pin=<secret>              server   paid 0100 to Alice, ...
    client   PAY 9000 to Mallory                client   : do not!

Everybody knows how such a conversation goes, word for word; only the secret nobody knows but the client.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pki import Credential, names
from tlsdemo.conversation import Outcome, converse
from tlsdemo.credentials.minted import HOST, Mint
from tlsdemo.protocol import Party, Side

BEFORE = b"PAY 0100 pin="  # 13 bytes: so three of the secret are in the first block of 16
BEFORE_PIN = b" pin="
DIGITS = b"0123456789abcdef"
RECEIPT = b"paid 0100 to Alice, thank you for your custom\n"
TAKEN_BACK = b"PAY 9000 to Mallory", b": do not!\n"
DEPTH = 3
"""As many bytes of the secret an expensive attack has to read before it counts."""


@dataclass(frozen=True)
class World:
    """Who takes part, and what is said."""

    mint: Mint
    random: Callable[[int], bytes]
    client: Party
    server: Party
    secret: bytes
    depth: int = DEPTH
    converse: Callable[..., Outcome] = converse
    """How conversations are held: in memory, or on sockets."""

    @classmethod
    def create(cls, mint: Mint, random: Callable[[int], bytes], depth: int = DEPTH) -> "World":
        """A client that trusts the root and asks for `localhost`; a server that is it."""
        common = {"clock": lambda: mint.now, "anchors": (mint.root.certificate,), "crls": mint.crls}
        client = Party(random=random, credential=mint.client, name=names.reference(HOST), **common)  # type: ignore[arg-type]
        server = Party(random=random, credential=mint.server, **common)  # type: ignore[arg-type]
        return cls(mint, random, client, server, b"", depth).again()

    def again(self) -> "World":
        """The same people, and a secret that nobody has seen: all the digits, in an order drawn at random.

        No digit comes twice, so that no part of it looks like another (44 bits; nobody here guesses all of it).
        """
        drawn = self.random(4 * len(DIGITS))
        order = sorted(range(len(DIGITS)), key=lambda place: drawn[4 * place : 4 * place + 4])
        return replace(self, secret=bytes(DIGITS[place] for place in order))

    @property
    def lines(self) -> list[tuple[Side, bytes]]:
        """What is said."""
        first, second = TAKEN_BACK
        return [
            (Side.CLIENT, BEFORE + self.secret + b"\n"),
            (Side.SERVER, RECEIPT),
            (Side.CLIENT, first),
            (Side.CLIENT, second),
        ]

    def repeating(self, text: bytes) -> tuple[Side, bytes]:
        """What the client says when somebody has brought it to carry a text of his beside its secret."""
        return Side.CLIENT, text + BEFORE_PIN + self.secret + b"\n"

    def impostor(self, credential: Credential | None) -> Party:
        """He, as a server or as a client, with that credential; he trusts whom everybody trusts."""
        return replace(self.client, credential=credential)

    def client_who_trusts_him(self) -> Party:
        """Whoever installed his software has installed his root."""
        anchors = (*self.client.anchors, self.mint.attacker_root.certificate)
        return replace(self.client, anchors=anchors, crls=(*self.client.crls, *self.mint.attacker_crls))

    def client_whose_draws_are_known(self) -> tuple[Party, list[bytes]]:
        """For the simulated quantum computer: what it would compute is in what was drawn."""
        drawn: list[bytes] = []

        def random(length: int) -> bytes:
            drawn.append(self.random(length))
            return drawn[-1]

        return replace(self.client, random=random), drawn
