"""The page about TLS 1.3: its table comes from two conversations that are run here.

`python -m tests.tlsdemo.tls13.test_guide` writes the table anew. Caught: a stale table, a file that is not there.
"""

import random
import re
from datetime import UTC, datetime
from itertools import count

from cryptography.hazmat.primitives.asymmetric import ed25519

from tests import guides
from tests.conftest import ROOT
from tlsdemo.attack.world import World
from tlsdemo.credentials.minted import Mint
from tlsdemo.edu.protocol import CA, edu
from tlsdemo.tls13.protocol import tls13
from tlsdemo.tls13.side_by_side import Moments, markdown, rows

PAGE = "tlsdemo/tls13/README.md"
GENERATED = re.compile(r"(?<=<!-- generated: side by side -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table() -> str:
    """The table of two conversations. Ed25519 keys: their signatures always have the same length."""
    drawn, serials = random.Random(1), count(2**100)
    mint = Mint(
        datetime(2026, 11, 27, tzinfo=UTC),
        lambda: ed25519.Ed25519PrivateKey.from_private_bytes(drawn.randbytes(32)),
        lambda: next(serials),
    )
    world = World.create(mint, drawn.randbytes)
    of_edu, of_tls = Moments(), Moments()
    for protocol in (edu(CA, watch=of_edu), tls13(CA, watch=of_tls)):
        outcome = world.converse(protocol.client(world.client), protocol.server(world.server), None, world.lines)
        assert outcome.client.accepted
    return markdown(rows(of_edu, of_tls))


def test_the_table_is_that_of_two_conversations() -> None:
    assert GENERATED.findall(guides.text(PAGE)) == [table()]


def test_every_byte_of_the_hellos_stands_in_the_table() -> None:
    """The rows of a message add up to it: without msg_type and lengths, and without type and punctuation of JSON."""
    found = [line.split(" | ") for line in table().splitlines()[2:]]
    tls = sum(int(cells[4]) for cells in found if "`ClientHello" in cells[3])
    assert tls == len_of_client_hello() - 4 - 2  # message header, length of the extensions


def len_of_client_hello() -> int:
    drawn = random.Random(1)
    mint = Mint(datetime(2026, 11, 27, tzinfo=UTC), ed25519.Ed25519PrivateKey.generate, count(2**100).__next__)
    world = World.create(mint, drawn.randbytes)
    return len(tls13(CA).client(world.client).outgoing()) - 5


def test_every_file_of_the_page_exists() -> None:
    for link in re.findall(r"\]\(([\w./]+)\)", guides.text(PAGE)):
        assert (ROOT / PAGE).parent.joinpath(link).exists(), link


if __name__ == "__main__":
    (ROOT / PAGE).write_text(GENERATED.sub(lambda _: table(), guides.text(PAGE)))
