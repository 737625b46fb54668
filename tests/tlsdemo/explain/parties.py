"""A conversation of our own TLS 1.3 in memory, tapped and explained."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from os import urandom

from cryptography import x509

from pki.keys import PrivateKey
from tests.tlsdemo.explain.tap import Tap
from tlsdemo.attack.world import World
from tlsdemo.credentials.minted import Mint
from tlsdemo.explain.conversation import Explanation, Own, explain
from tlsdemo.explain.failure import Trust
from tlsdemo.protocol import Protection
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.wire import key_log

CLAIMS = ALL - {Protection.CLIENT_IDENTITY, Protection.REVOCATION}


def talk(
    new_key: Callable[[], PrivateKey], *, shared_secret: bytes = b"", client_time: datetime | None = None
) -> Explanation:
    """The explanation of a conversation; with `shared_secret`, that is claimed to be the client's."""
    now = datetime.now(UTC)
    key = new_key()
    world = World.create(Mint(now, lambda: key, x509.random_serial_number), urandom)
    log: list[str] = []
    protocol = tls13(CLAIMS, log=lambda *entry: log.append(key_log.line(*entry)))
    client = replace(world.client, clock=lambda: client_time or now)
    endpoint = protocol.client(client)
    assert isinstance(endpoint, Machine)
    tap = Tap(endpoint, lambda: 0.0)
    world.converse(tap, protocol.server(world.server), None, world.lines)
    own = Own(shared_secret or endpoint.shared, endpoint.group.name if endpoint.group else "")
    trust = Trust(client.anchors, (), client.name)
    return explain(tap.chunks, key_log.parse("\n".join(log)), client.clock(), trust, own=own)
