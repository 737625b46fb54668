"""A recorded conversation of TLS 1.3 that goes on: records of the server, encrypted with the secrets of its log."""

from collections.abc import Sequence

from tests.tlsdemo.explain.test_conversation import Chunks, recorded
from tlsdemo.wire.dissection import APPLICATION_LABELS, dissect
from tlsdemo.wire.fields import encode
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.key_schedule13 import next_traffic_secret, traffic_keys
from tlsdemo.wire.messages13 import KeyUpdate
from tlsdemo.wire.protection13 import SUITES, sealed
from tlsdemo.wire.records import HANDSHAKE

KEY_UPDATE = HANDSHAKE, b"\x18\x00\x00\x01" + encode(KeyUpdate(0))


def prolonged(contents: Sequence[tuple[int, bytes]]) -> tuple[Chunks, KeyLog]:
    """A capture with further records of the server, each of a content type and its content; KEY_UPDATE among them."""
    chunks, keys = recorded("python-ssl-tls13")
    found = dissect(chunks, keys)
    suite, label = SUITES[found.cipher_suite or 0], APPLICATION_LABELS["server"]
    secret = keys.of(found.client_random or b"")[label]
    last = [each.protection for each in found.records if each.sender == "server" and each.protection]
    number = last[-1].sequence_number + 1
    assert last[-1].label == label
    traffic = traffic_keys(suite.hash, secret, suite.key_length)
    for content_type, content in contents:
        chunks.append(("server", sealed(suite, traffic, number, content_type, content)))
        number += 1
        if (content_type, content) == KEY_UPDATE:
            secret, number = next_traffic_secret(suite.hash, secret), 0
            traffic = traffic_keys(suite.hash, secret, suite.key_length)
    return chunks, keys
