"""Conversations that fail, as anonymous captures, and what `explain` says of them.

The client and the server talk in memory. A tap keeps their bytes, and a pcapng file holds them with the key log. Its
addresses, ports and names are the same for every case, so the explanation can only come from the bytes.
"""

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from os import urandom
from pathlib import Path

from cryptography import x509

from pki import names
from pki.cases import CATALOGUE, CaseBuilder, Served
from pki.cases.minting import case_builder
from tests.tlsdemo.explain.tap import Tap
from tlsdemo.conversation import converse
from tlsdemo.explain.conversation import Explanation, explain
from tlsdemo.explain.judgement import Trust
from tlsdemo.lab.context import lab_context
from tlsdemo.lab.dh_groups import good_group
from tlsdemo.lab.presented import newest
from tlsdemo.protocol import Endpoint, Party, Protection, Side
from tlsdemo.tls.endpoint import TlsEndpoint
from tlsdemo.tls13.handshake import Client
from tlsdemo.tls13.machine import Parts
from tlsdemo.tls13.protocol import strong
from tlsdemo.tls13.weak import leave_out
from tlsdemo.wire import captures, key_log
from tlsdemo.wire.captures import Chunk, Connection, Place

NOW = datetime.now(UTC)
NAMES = ("localhost", "127.0.0.1", "::1")


def recorded(client: Endpoint, server: Endpoint, keys: Callable[[], str], *, at: datetime = NOW) -> bytes:
    """A pcapng file of a conversation, with the key log that `keys` returns after it."""
    tap = Tap(client, at.timestamp)
    converse(tap, server, None, [])
    chunks = tuple(Chunk(*passed) for passed in tap.passed)
    return captures.write([Connection(Place("10.0.0.1", 40000), Place("10.0.0.2", 443), chunks, True)], keys())


def explained(file: bytes, trust: Trust | None, *, as_attacker: bool = False) -> Explanation:
    """The explanation of the one conversation in a capture, at the time that the capture has."""
    capture = captures.read(file)
    (connection,) = capture.connections
    at = datetime.fromtimestamp(connection.chunks[0].time, UTC)
    chunks = [(each.sender, each.data) for each in connection.chunks]
    return explain(chunks, key_log.parse(capture.key_log), at, trust, as_attacker=as_attacker)


def told(file: bytes, trust: Trust | None) -> str:
    """The ending, one sentence a line."""
    return "\n".join(explained(file, trust).ending.sentences)


# Certificates of the catalogue --------------------------------------------------------------------------------------


@cache
def builder() -> CaseBuilder:
    return case_builder([names.parse(each) for each in NAMES], NOW)


@cache
def served(case: str) -> Served:
    return CATALOGUE[case].mint(builder()).served


def trust_of(case: str, name: x509.GeneralName | None = None) -> Trust:
    """What the client of a case trusts; the name only if it is given."""
    anchors = tuple(x509.load_der_x509_certificate(each) for each in served(case).anchors)
    return Trust(anchors, served(case).crls, name)


def use_curve_of_key(case: str, context: ssl.SSLContext) -> None:
    """Agree on keys on the curve of the server's key, if TLS 1.3 does not have it: TLS 1.2 needs that (RFC 8422)."""
    if case in OLD_CURVES:
        context.set_ecdh_curve(OLD_CURVES[case])


OLD_CURVES = {"ec-p192": "prime192v1", "ec-secp256k1": "secp256k1"}


def server_of(case: str) -> TlsEndpoint:
    """A server that presents the chain of a case. Raises Problem if OpenSSL does not load it."""
    given = served(case)
    context = lab_context((given.chain_pem, given.key_pem), newest(given), dh_parameters=good_group())
    use_curve_of_key(case, context)
    return TlsEndpoint(Side.SERVER, context)


def trusting(case: str) -> ssl.SSLContext:
    """The default client of Python's `ssl`, with the trust anchors and CRLs of a case."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    served(case).configure_trust(context)
    return context


def trusting_tls12(case: str) -> ssl.SSLContext:
    """The same, up to TLS 1.2."""
    context = trusting(case)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def trusting_nothing(case: str) -> ssl.SSLContext:
    """A client of TLS 1.2 that offers every suite and the curve of the server's key, and trusts no CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")  # with aNULL the server would present no certificate
    use_curve_of_key(case, context)
    return context


def refused_by_openssl(case: str, make: Callable[[str], ssl.SSLContext] = trusting) -> bytes | None:
    """The capture with a client of Python's `ssl`; None if it accepts the case."""
    context = make(case)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        context.keylog_filename = str(file)
        client = TlsEndpoint(Side.CLIENT, context, names.plain(served(case).name))
        found = recorded(client, server_of(case), lambda: file.read_text() if file.exists() else "")
    return found if client.error else None


def refused_by_ours(
    case: str, change: Callable[[Parts], Parts] = lambda parts: parts, *, at: datetime = NOW
) -> bytes | None:
    """The capture with a client of our TLS 1.3, made at that time; None if it accepts the case."""
    known = trust_of(case)
    without = {Protection.CLIENT_IDENTITY} | (set() if known.crls else {Protection.REVOCATION})
    log: list[str] = []
    parts = leave_out(frozenset(without), strong())
    parts = change(replace(parts, log=lambda *entry: log.append(key_log.line(*entry) + "\n")))
    party = Party(lambda: NOW, urandom, None, known.anchors, known.crls, served(case).name)
    client = Client(parts, party)
    found = recorded(client, server_of(case), lambda: "".join(log), at=at)
    return found if client.error else None
