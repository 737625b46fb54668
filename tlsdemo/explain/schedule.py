"""The key schedule of a handshake of our own, from the shared secret on (RFC 8446 §7.1).

A key log begins with the traffic secrets. Our own client also knows the shared secret, so that every secret before them
can be shown, and the traffic secrets computed again from it and the messages.
"""

from collections.abc import Iterator, Mapping

from tlsdemo.explain.keys import Derived
from tlsdemo.explain.proofs import Proof, transcript13
from tlsdemo.wire import key_schedule13 as key_schedule
from tlsdemo.wire.dissection import APPLICATION_LABELS, HANDSHAKE_LABELS, Dissection
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.key_schedule13 import Label
from tlsdemo.wire.messages13 import Finished, HelloRetryRequest
from tlsdemo.wire.protection13 import SUITES


def from_shared_secret(found: Dissection, shared_secret: bytes, group: str) -> tuple[Derived, ...]:
    """The secrets between the key exchange and the traffic secrets; empty before a suite was selected."""
    suite = SUITES.get(found.cipher_suite or 0)
    if suite is None or not shared_secret:
        return ()
    early = key_schedule.early_secret(suite.hash)
    handshake = key_schedule.handshake_secret(suite.hash, early, shared_secret)
    return (
        Derived("early secret", "HKDF-Extract(0, 0): no PSK", early),
        Derived("shared secret", f"computed with {group} from both key shares", shared_secret),
        Derived(
            "handshake secret", 'HKDF-Extract(Derive-Secret(early secret, "derived", ""), shared secret)', handshake
        ),
        Derived(
            "master secret",
            'HKDF-Extract(Derive-Secret(handshake secret, "derived", ""), 0)',
            key_schedule.master_secret(suite.hash, handshake),
        ),
    )


def checks(found: Dissection, shared_secret: bytes, secrets: Mapping[str, bytes]) -> Iterator[Proof]:
    """Whether each traffic secret of the key log follows from the shared secret and the messages."""
    suite = SUITES.get(found.cipher_suite or 0)
    if suite is None or not shared_secret:
        return
    handshake = key_schedule.handshake_secret(suite.hash, key_schedule.early_secret(suite.hash), shared_secret)
    stages = (
        (handshake, HANDSHAKE_LABELS, _after(found, ServerHello)),
        (key_schedule.master_secret(suite.hash, handshake), APPLICATION_LABELS, _after(found, Finished)),
    )
    for secret, labels, end in stages:
        for sender, name in labels.items():
            if end and name in secrets:
                transcript = key_schedule.transcript_hash(suite.hash, transcript13(found.messages[:end], suite.hash))
                label = LABELS[sender, name]
                computed = key_schedule.derive_secret(suite.hash, secret, label, transcript)
                how = f'Derive-Secret(..., "{label}", transcript)'
                passed = computed == secrets[name]
                yield Proof(passed, f"{name} {'equals' if passed else 'differs from'} {how}")


LABELS = {
    ("client", HANDSHAKE_LABELS["client"]): Label.CLIENT_HANDSHAKE_TRAFFIC_SECRET,
    ("server", HANDSHAKE_LABELS["server"]): Label.SERVER_HANDSHAKE_TRAFFIC_SECRET,
    ("client", APPLICATION_LABELS["client"]): Label.CLIENT_APPLICATION_TRAFFIC_SECRET_0,
    ("server", APPLICATION_LABELS["server"]): Label.SERVER_APPLICATION_TRAFFIC_SECRET_0,
}


def _after(found: Dissection, kind: type) -> int:
    """The number of messages up to the server's message of that class; 0 if it sent none."""
    for number, message in enumerate(found.messages, start=1):
        is_retry = isinstance(message.value, HelloRetryRequest)
        if message.sender == "server" and isinstance(message.value, kind) and not is_retry:
            return number
    return 0
