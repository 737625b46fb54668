"""tlslite-ng, a TLS in Python, in both roles. Falsehood caught: records that only OpenSSL and its like understand.

It computes everything itself, without OpenSSL, so that it checks the arithmetic of our groups and suites once more.
"""

import importlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.keys import KeyType
from tests.conftest import module
from tests.peers.support import DEADLINE, Live, live_tls13, party_of
from tests.peers.tls13 import KEY_TYPES, SUITES, Keyed
from tlsdemo import net
from tlsdemo.edu import client
from tlsdemo.events import Agreed, Closed, Ending, Said
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls13.handshake import Client
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.violations import ProtocolError

CIPHERS = dict(zip(SUITES, ("aes256gcm", "chacha20-poly1305", "aes128gcm"), strict=True))
"""The names of the cipher suites in tlslite-ng."""
pytestmark = pytest.mark.filterwarnings("ignore:The asyncore module:DeprecationWarning")  # tlslite imports it
ONE_SIDED = ALL - {Protection.CLIENT_IDENTITY}


@pytest.fixture
def tlslite() -> Any:
    """The package, or a skip."""
    module("tlslite")
    return importlib.import_module("tlslite.api")


def settings(tlslite: Any, **changes: Any) -> Any:
    """TLS 1.3 alone, with these attributes of HandshakeSettings."""
    made = tlslite.HandshakeSettings()
    made.minVersion = made.maxVersion = (3, 4)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def proof(tlslite: Any, stem: Path) -> dict[str, Any]:
    """The arguments for a certificate chain and its key."""
    chain = tlslite.X509CertChain()
    chain.parsePemList(stem.with_suffix(".pem").read_text())
    key = tlslite.parsePEMKey(stem.with_suffix(".key").read_text(), private=True, implementations=["python"])
    return {"certChain": chain, "privateKey": key}


# tlslite-ng as the client -------------------------------------------------------------------------------------------


def visit(tlslite: Any, server: Live, **options: Any) -> tuple[Any, bytes]:
    """The connection of tlslite-ng after its line was answered, and the answer."""
    with server.dial() as plain:
        tls = tlslite.TLSConnection(plain)
        tls.handshakeClientCert(serverName="localhost", **options)
        tls.write(b"good morning\n")
        answer = b""
        while piece := tls.read(max=1 << 16):
            answer += piece
        tls.close()
    return tls, answer


def assert_answered(server: Live, cipher: str) -> Agreed:
    """The server reports a whole conversation with that group and suite; the first event."""
    agreed, said, closed = server.conversation()
    assert isinstance(agreed, Agreed) and isinstance(said, Said) and isinstance(closed, Closed)
    assert agreed.cipher == cipher
    assert said.text == "good morning"
    assert closed.ending is Ending.ANSWERED
    return agreed


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_tlslite_is_answered_by_our_server(tlslite: Any, keyed: Keyed, key_type: KeyType) -> None:
    certs = keyed(key_type)
    with live_tls13(certs, ONE_SIDED) as server:
        tls, answer = visit(tlslite, server, settings=settings(tlslite))
        assert answer.startswith(b"received:  good morning\nversion:   TLSv1.3\n")
        assert_answered(server, "x25519, TLS_AES_128_GCM_SHA256")
    presented = [bytes(each.bytes) for each in tls.session.serverCertChain.x509List]
    assert presented == [bytes(each.bytes) for each in proof(tlslite, certs / "server")["certChain"].x509List]


@pytest.mark.parametrize("suite", SUITES)
def test_tlslite_negotiates_each_suite_with_our_server(tlslite: Any, certs: Path, suite: str) -> None:
    with live_tls13(certs, ONE_SIDED) as server:
        visit(tlslite, server, settings=settings(tlslite, cipherNames=[CIPHERS[suite]]))
        assert_answered(server, f"x25519, {suite}")


@pytest.mark.parametrize(
    ("curves", "dh", "shares", "group"),
    [
        (["secp256r1"], [], ["secp256r1"], "secp256r1"),
        ([], ["ffdhe2048"], ["ffdhe2048"], "ffdhe2048"),
        (["secp384r1", "x25519"], [], ["secp384r1"], "x25519"),
        (["secp384r1", "secp256r1"], [], ["secp384r1"], "secp256r1"),
        (["secp384r1"], ["ffdhe2048"], ["secp384r1"], "ffdhe2048"),
        (["x25519"], [], [], "x25519"),
    ],
    ids=["P-256", "ffdhe2048", "retry x25519", "retry P-256", "retry ffdhe2048", "without a share"],
)
def test_tlslite_negotiates_each_group_with_our_server(
    tlslite: Any, certs: Path, curves: list[str], dh: list[str], shares: list[str], group: str
) -> None:
    with live_tls13(certs, ONE_SIDED) as server:
        visit(tlslite, server, settings=settings(tlslite, eccCurves=curves, dhGroups=dh, keyShares=shares))
        assert_answered(server, f"{group}, TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_our_server_authenticates_tlslite(tlslite: Any, keyed: Keyed, key_type: KeyType) -> None:
    certs = keyed(key_type)
    with live_tls13(certs, ALL) as server:
        # tlslite-ng compresses its certificate although our server did not offer to read that (RFC 8879 §4).
        plain = settings(tlslite, certificate_compression_send=[])
        visit(tlslite, server, settings=plain, **proof(tlslite, certs / "client"))
        assert assert_answered(server, "x25519, TLS_AES_128_GCM_SHA256").client == ("DNS:client",)


# tlslite-ng as the server -------------------------------------------------------------------------------------------


@contextmanager
def serving(tlslite: Any, **options: Any) -> Iterator[tuple[net.Address, list[Any]]]:
    """A server of tlslite-ng for one connection: it answers a line with itself, and closes; its connection is kept."""
    kept: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)

        def serve() -> None:
            with listener.accept()[0] as plain:
                plain.settimeout(DEADLINE)
                tls = tlslite.TLSConnection(plain)
                kept.append(tls)
                try:
                    tls.handshakeServer(**options)
                    tls.write(b"repeated: " + tls.read(min=1, max=1000))
                    tls.close()
                except (tlslite.TLSError, OSError) as error:
                    kept.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield net.Address("127.0.0.1", listener.getsockname()[1]), kept
        finally:
            thread.join(DEADLINE)


def ask(where: net.Address, endpoint: Client) -> bytes:
    with net.dial(where) as plain:
        link = net.Link(plain, endpoint)
        link.handshake(time.monotonic() + DEADLINE)
        return client.ask(link, "good morning")


def leaf(file: Path) -> bytes:
    """The first certificate of a file, in DER."""
    return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)


def our_client(certs: Path, **options: Any) -> Client:
    made = tls13(ALL, **options).client(party_of(certs, Side.CLIENT))
    assert isinstance(made, Client)
    return made


@pytest.mark.parametrize("asks", [False, True], ids=["server only", "both"])
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_our_client_is_answered_by_tlslite(tlslite: Any, keyed: Keyed, key_type: KeyType, asks: bool) -> None:
    certs = keyed(key_type)
    options = {**proof(tlslite, certs / "server"), "settings": settings(tlslite), "reqCert": asks}
    with serving(tlslite, **options) as (where, kept):
        endpoint = our_client(certs)
        assert ask(where, endpoint) == b"repeated: good morning\n"
        assert endpoint.peer_chain[0].public_bytes(Encoding.DER) == leaf(certs / "server.pem")
    (tls,) = kept
    assert bool(tls.session.clientCertChain) is asks


@pytest.mark.parametrize("suite", SUITES)
def test_our_client_negotiates_each_suite_with_tlslite(tlslite: Any, certs: Path, suite: str) -> None:
    chosen = settings(tlslite, cipherNames=[CIPHERS[suite]])
    with serving(tlslite, **proof(tlslite, certs / "server"), settings=chosen) as (where, _):
        endpoint = our_client(certs)
        assert ask(where, endpoint) == b"repeated: good morning\n"
        assert endpoint.negotiated["cipher"] == suite


@pytest.mark.parametrize(
    ("curves", "dh", "group"),
    [(["x25519"], [], "x25519"), (["secp256r1"], [], "secp256r1"), ([], ["ffdhe2048"], "ffdhe2048")],
)
def test_our_client_sends_the_share_that_tlslite_asks_for(
    tlslite: Any, certs: Path, curves: list[str], dh: list[str], group: str
) -> None:
    chosen = settings(tlslite, eccCurves=curves, dhGroups=dh, keyShares=curves + dh)
    with serving(tlslite, **proof(tlslite, certs / "server"), settings=chosen) as (where, _):
        endpoint = our_client(certs)
        assert ask(where, endpoint) == b"repeated: good morning\n"
        assert endpoint.negotiated["group"] == group
        assert bool(endpoint.retry) is (group != "x25519")


def test_our_client_refuses_tlslite_with_a_rogue_certificate(tlslite: Any, certs: Path) -> None:
    options = {**proof(tlslite, certs / "rogue" / "server"), "settings": settings(tlslite)}
    with serving(tlslite, **options) as (where, kept), pytest.raises(ProtocolError, match="did not sign"):
        ask(where, our_client(certs))
    assert kept[1].description == tlslite.AlertDescription.bad_certificate
