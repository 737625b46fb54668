"""The key log: the secrets of connections as text, as in SSLKEYLOGFILE (RFC 9850).

    CLIENT_HANDSHAKE_TRAFFIC_SECRET  <client random, 32 bytes in hex>  <secret in hex>

With it, Wireshark and this package decrypt a recording. TLS 1.3 has one line for each secret, with the labels in
`key_schedule13`; TLS 1.2 has one line in all, CLIENT_RANDOM, with the master secret. This module reads and writes text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

CLIENT_RANDOM = "CLIENT_RANDOM"
"""The label of a master secret of TLS 1.2 (RFC 9850 §2.2)."""

RSA = "RSA"
"""The label of a premaster secret of static RSA, without a client random: OpenSSL writes CLIENT_RANDOM, too."""

RANDOM_LENGTH = 32  # bytes


@dataclass(frozen=True)
class MalformedLine:
    """A line that is not an entry: its number, from 1, and what is wrong with it."""

    number: int
    reason: str


@dataclass(frozen=True)
class KeyLog:
    """The entries of a key log."""

    secrets: Mapping[bytes, Mapping[str, bytes]]
    """Client random -> label -> secret."""
    malformed: tuple[MalformedLine, ...] = ()

    def of(self, client_random: bytes) -> Mapping[str, bytes]:
        """Label -> secret of one connection; empty if the log does not have it."""
        return self.secrets.get(client_random, {})

    def with_secret(self, label: str, client_random: bytes, secret: bytes) -> "KeyLog":
        """The same with one more entry, or with another secret in it."""
        return replace(self, secrets={**self.secrets, client_random: {**self.of(client_random), label: secret}})


def parse(text: str) -> KeyLog:
    """The entries of the text. Malformed lines are skipped and listed; of several equal labels the last one counts."""
    secrets: dict[bytes, dict[str, bytes]] = {}
    malformed = []
    for number, entry in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if not entry.strip() or entry.startswith(("#", f"{RSA} ")):
            continue
        try:
            label, client_random, secret = _entry(entry)
        except ValueError as error:
            malformed.append(MalformedLine(number, str(error)))
        else:
            secrets.setdefault(client_random, {})[label] = secret
    return KeyLog(secrets, tuple(malformed))


def line(label: str, client_random: bytes, secret: bytes) -> str:
    """One entry, without a line end; ValueError if it would not be valid."""
    entry = f"{label} {client_random.hex()} {secret.hex()}"
    if _entry(entry) != (label, client_random, secret) or label.startswith("#") or label == RSA:
        raise ValueError(f"{label!r} is not a label")
    return entry


def _entry(entry: str) -> tuple[str, bytes, bytes]:
    words = entry.split()
    if len(words) != 3:
        raise ValueError(f"{len(words)} words, 3 required: label, client random, secret")
    label, random_hex, secret_hex = words
    client_random, secret = _bytes("client random", random_hex), _bytes("secret", secret_hex)
    if len(client_random) != RANDOM_LENGTH:
        raise ValueError(f"the client random has {len(client_random)} bytes, {RANDOM_LENGTH} required")
    return label, client_random, secret


def _bytes(name: str, text: str) -> bytes:
    # The reason must not repeat the text: it is a secret, and reasons are printed.
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        raise ValueError(f"the {name} is not hexadecimal")
    return bytes.fromhex(text)
