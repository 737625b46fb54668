"""The world of an attack: two honest parties, the data that they send, and a secret that is new in each run.

    client   PAY 0100 pin=<secret>              server   paid 0100 to Alice, ...
    client   PAY 9000 to Mallory                client   : do not!

The attacker knows every word of the conversation except the secret, which only the client knows.
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
"""The number of bytes of the secret that an expensive attack must recover to succeed."""


@dataclass(frozen=True)
class World:
    """The two parties, and the data that they send."""

    mint: Mint
    random: Callable[[int], bytes]
    client: Party
    server: Party
    secret: bytes
    depth: int = DEPTH
    converse: Callable[..., Outcome] = converse
    """The function that runs conversations: in memory, or on sockets."""

    @classmethod
    def create(cls, mint: Mint, random: Callable[[int], bytes], depth: int = DEPTH) -> "World":
        """A client that trusts the root and asks for `localhost`, and the server `localhost`."""
        server = Party(lambda: mint.now, random, mint.server, (mint.root.certificate,), mint.crls)
        client = replace(server, credential=mint.client, name=names.reference(HOST))
        return cls(mint, random, client, server, b"", depth).again()

    def again(self) -> "World":
        """The same parties with a new secret: all hexadecimal digits in a random order (44 bits).

        Each digit occurs once, so that no part of the secret equals another part.
        """
        drawn = self.random(4 * len(DIGITS))
        order = sorted(range(len(DIGITS)), key=lambda place: drawn[4 * place : 4 * place + 4])
        return replace(self, secret=bytes(DIGITS[place] for place in order))

    @property
    def lines(self) -> list[tuple[Side, bytes]]:
        """The application data of a conversation: sender and data."""
        first, second = TAKEN_BACK
        return [
            (Side.CLIENT, BEFORE + self.secret + b"\n"),
            (Side.SERVER, RECEIPT),
            (Side.CLIENT, first),
            (Side.CLIENT, second),
        ]

    def repeating(self, text: bytes) -> tuple[Side, bytes]:
        """The line that the client sends when the attacker makes it send a chosen text beside its secret."""
        return Side.CLIENT, text + BEFORE_PIN + self.secret + b"\n"

    def impostor(self, credential: Credential | None) -> Party:
        """The attacker as a server or a client, with that credential, and with the client's trust anchors."""
        return replace(self.client, credential=credential)

    def client_with_installed_root(self) -> Party:
        """A client that also trusts the attacker's root CA, and has its CRL."""
        anchors = (*self.client.anchors, self.mint.attacker_root.certificate)
        return replace(self.client, anchors=anchors, crls=(*self.client.crls, *self.mint.attacker_crls))

    def client_whose_draws_are_known(self) -> tuple[Party, list[bytes]]:
        """A client and the random bytes that it draws: they contain what a quantum computer would compute."""
        drawn: list[bytes] = []

        def random(length: int) -> bytes:
            drawn.append(self.random(length))
            return drawn[-1]

        return replace(self.client, random=random), drawn
