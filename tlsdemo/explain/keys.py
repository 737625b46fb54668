"""The secrets of a key log, and what is derived from them: when each came into use, and how.

traffic secret --Expand-Label("key")--> key     --Expand-Label("iv")--> IV     --Expand-Label("traffic upd")--> next
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tlsdemo.wire import key_schedule13, tls12
from tlsdemo.wire.dissection import TLS13, DissectedRecord, Dissection
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.key_log import CLIENT_RANDOM
from tlsdemo.wire.protection13 import SUITES
from tlsdemo.wire.records import Sender
from tlsdemo.wire.static_rsa import Secrets


@dataclass(frozen=True)
class Derived:
    """A secret or a key: its name, how it is derived, and its value."""

    name: str
    call: str
    """The function and its arguments, or the source."""
    value: bytes


class Derivation:
    """Derives the keys of records, in their order: each secret after a KeyUpdate from the one before it."""

    def __init__(self, found: Dissection, secrets: Mapping[str, bytes], stolen: Secrets | None = None) -> None:
        self.found, self.secrets = found, secrets
        self.stolen = stolen
        """Where the master secret of TLS 1.2 is from, if it is not from the key log."""
        self.latest: dict[str, tuple[int, bytes]] = {}
        """For the name of a secret without its number: the number and the secret that were derived last."""

    def of_record(self, record: DissectedRecord) -> tuple[Derived, ...]:
        """The secret that protects a record, and the key and IV that are derived from it; empty if it is not known."""
        if record.protection is None:
            return ()
        if record.protection.version == TLS13:
            return self._tls13(record.protection.label)
        return _tls12(self.found, self.secrets, record.sender, self.stolen)

    def _tls13(self, label: str) -> tuple[Derived, ...]:
        suite = SUITES.get(self.found.cipher_suite or 0)
        start, _, number = label.rpartition("_")
        if suite is None:
            return ()
        if label in self.secrets:
            secret, origin = self.secrets[label], "from the key log"
        elif number.isdecimal() and f"{start}_0" in self.secrets:
            secret = self._updated(suite.hash, start, int(number))
            origin = f'HKDF-Expand-Label({start}_{int(number) - 1}, "traffic upd", "", {len(secret)})'
        else:
            return ()
        keys = key_schedule13.traffic_keys(suite.hash, secret, suite.key_length)
        return (
            Derived(label, origin, secret),
            Derived("key", f'HKDF-Expand-Label({label}, "key", "", {len(keys.key)})', keys.key),
            Derived("iv", f'HKDF-Expand-Label({label}, "iv", "", {len(keys.iv)})', keys.iv),
        )

    def _updated(self, hash_name: str, start: str, number: int) -> bytes:
        """The secret after that many KeyUpdates (§7.2)."""
        last, secret = self.latest.get(start, (0, self.secrets[f"{start}_0"]))
        if last > number:
            last, secret = 0, self.secrets[f"{start}_0"]
        for _ in range(last, number):
            secret = key_schedule13.next_traffic_secret(hash_name, secret)
        self.latest[start] = number, secret
        return secret


def _tls12(
    found: Dissection, secrets: Mapping[str, bytes], sender: Sender, stolen: Secrets | None
) -> tuple[Derived, ...]:
    suite = tls12.SUITES.get(found.cipher_suite or 0)
    if suite is None or CLIENT_RANDOM not in secrets or found.client_random is None:
        return ()
    server_random = next((each.value.random for each in found.messages if isinstance(each.value, ServerHello)), b"")
    both = tls12.traffic_keys(suite, secrets[CLIENT_RANDOM], found.client_random, server_random)
    keys = both[0 if sender == "client" else 1]
    block = 'PRF(master secret, "key expansion", server random + client random)'
    return (
        *_master_secret(secrets[CLIENT_RANDOM], stolen),
        Derived(f"{sender} write key", f"from {block}", keys.key),
        Derived(f"{sender} write IV", f"from {block}", keys.iv),
    )


def _master_secret(master_secret: bytes, stolen: Secrets | None) -> tuple[Derived, ...]:
    if stolen is None:
        return (Derived("master secret", "from the key log", master_secret),)
    seed = '"extended master secret", hash of the messages from ClientHello to ClientKeyExchange'
    if not stolen.is_extended:
        seed = '"master secret", client random + server random'
    origin = "decrypted from ClientKeyExchange with the key of the server's certificate"
    return (
        Derived("premaster secret", origin, stolen.premaster_secret),
        Derived("master secret", f"PRF(premaster secret, {seed})", master_secret),
    )
