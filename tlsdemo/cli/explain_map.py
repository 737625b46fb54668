"""`tlsdemo explain --map`: the educational handshake `ca`, run now, beside a conversation of TLS. EDGE."""

from datetime import UTC, datetime
from secrets import token_bytes

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tlsdemo.attack.world import World
from tlsdemo.credentials.minted import Mint
from tlsdemo.driver import Moment
from tlsdemo.edu.protocol import CA, edu
from tlsdemo.explain.conversation import Explanation
from tlsdemo.protocol import Side
from tlsdemo.tls13.side_by_side import Moments, markdown, rows


def side_by_side(explanation: Explanation) -> str:
    """The table, in Markdown."""
    mint = Mint(datetime.now(UTC), lambda: ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number)
    world, of_edu = World.create(mint, token_bytes), Moments()
    protocol = edu(CA, watch=of_edu)
    world.converse(protocol.client(world.client), protocol.server(world.server), None, world.lines)
    of_tls = Moments([Moment(Side(each.sender), each.value) for each in explanation.dissection.messages])
    return markdown(rows(of_edu, of_tls))
