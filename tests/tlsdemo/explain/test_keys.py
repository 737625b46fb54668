"""The keys of an explanation after KeyUpdates. Caught: a secret that is not the one in use, and quadratic work."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.tlsdemo.explain.prolonged import KEY_UPDATE, prolonged
from tlsdemo.explain import keys
from tlsdemo.explain.conversation import Explanation, Kind, explain
from tlsdemo.wire import key_schedule13
from tlsdemo.wire.records import APPLICATION_DATA

UPDATES = 120


@pytest.fixture(scope="module")
def updated() -> Explanation:
    chunks, log = prolonged([KEY_UPDATE, (APPLICATION_DATA, b"more")] * UPDATES)
    return explain(chunks, log, datetime(2026, 11, 27, tzinfo=UTC))


def after(secret: bytes) -> bytes:
    """RFC 8446 §7.2 with the HKDF of `cryptography`."""
    algorithm: HashAlgorithm = SHA384() if len(secret) == 48 else SHA256()
    label = b"tls13 traffic upd"
    info = len(secret).to_bytes(2) + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(algorithm, len(secret), info).derive(secret)


def test_each_secret_after_a_key_update_is_derived_from_the_one_before(updated: Explanation) -> None:
    found = {entry.secret: entry.derived[0].value for entry in updated.entries if entry.kind is Kind.KEYS}
    assert updated.explained == updated.total
    secret = found["SERVER_TRAFFIC_SECRET_0"]
    for number in range(1, UPDATES + 1):
        secret = after(secret)
        assert found[f"SERVER_TRAFFIC_SECRET_{number}"] == secret


def test_each_secret_is_derived_once(updated: Explanation, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    once = key_schedule13.next_traffic_secret

    def counted(hash_name: str, secret: bytes) -> bytes:
        nonlocal count
        count += 1
        return once(hash_name, secret)

    monkeypatch.setattr(key_schedule13, "next_traffic_secret", counted)
    derivation = keys.Derivation(updated.dissection, updated.secrets)
    derived = [derivation.of_record(record) for record in updated.dissection.records]
    assert count == UPDATES
    again = derivation.of_record(updated.dissection.records[1 - 2 * UPDATES])
    assert again in derived, "a record out of order has the same keys"
