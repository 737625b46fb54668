"""A server that refuses its client's certificate is explained from an anonymous capture.

Falsehoods caught: the server's certificate is judged in place of the client's, a client certificate is judged for a
server, and a client without a certificate is not called so.
"""

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from os import urandom
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.publish.server import Publisher
from tests.tlsdemo.explain.refusals import NOW, explained, recorded
from tlsdemo.explain.judgement import Trust
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.context import ClientCheck, lab_context
from tlsdemo.protocol import Party, Side
from tlsdemo.tls.context import load_pem
from tlsdemo.tls.endpoint import TlsEndpoint
from tlsdemo.tls13.protocol import tls13
from tlsdemo.wire import key_log

REFUSED = {
    "expired": "check dates fails: ",
    "untrusted-ca": "check chain fails: ",
    "server-only": "check purpose fails: ",
    "revoked": "check revocation fails: ",
}
"""By the deviation of the client's certificate: the check that names it."""
VALUES = {
    "expired": f"the time is {NOW:%Y-%m-%d}",
    "untrusted-ca": "names the issuer CN=untrusted root,O=untrusted",
    "server-only": "is not valid for a client: its extended key usage is serverAuth",
    "revoked": "was revoked on ",
}


@cache
def ca() -> LabCA:
    return LabCA.new(NOW, cast(Publisher, None))  # these cases publish nothing


def trust() -> Trust:
    return Trust((ca().root,), (ca().clients.crl,))


def of_openssl(credential: str, version: ssl.TLSVersion, *, trusts: x509.Certificate | None = None) -> bytes:
    """The capture of a client and a server of Python's `ssl`; the server checks its client completely.

    `trusts` is its trust anchor for clients, by default the CA of the lab.
    """
    crls = () if trusts else (ca().clients.crl,)
    server = lab_context(ca().good, clients=ClientCheck.WELL, client_trust=(trusts or ca().root,), crls=crls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = version
    context.load_verify_locations(cadata=ca().root.public_bytes(Encoding.DER))
    if credential:
        given = ca().clients.credentials[credential]
        load_pem(context, given.chain_pem, given.key_pem)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        context.keylog_filename = str(file)
        client = TlsEndpoint(Side.CLIENT, context, "localhost")
        return recorded(client, TlsEndpoint(Side.SERVER, server), lambda: file.read_text() if file.exists() else "")


def of_ours(credential: str) -> bytes:
    """The same with our TLS 1.3 on both sides."""
    log: list[str] = []
    protocol = tls13(log=lambda *entry: log.append(key_log.line(*entry) + "\n"))
    given = ca().clients.credentials[credential] if credential else None
    party = Party(lambda: NOW, urandom, given, (ca().root,), (ca().clients.crl,), x509.DNSName("localhost"))
    server = replace(party, credential=ca().good_credential, name=None)
    return recorded(protocol.client(party), protocol.server(server), lambda: "".join(log))


CAPTURES: dict[str, Callable[[str], bytes]] = {
    "openssl, TLS 1.3": lambda credential: of_openssl(credential, ssl.TLSVersion.TLSv1_3),
    "openssl, TLS 1.2": lambda credential: of_openssl(credential, ssl.TLSVersion.TLSv1_2),
    "ours": of_ours,
}


@pytest.mark.parametrize("sides", CAPTURES)
@pytest.mark.parametrize("credential", REFUSED)
def test_the_deviation_of_the_clients_certificate_is_named(credential: str, sides: str) -> None:
    found = explained(CAPTURES[sides](credential), trust())
    refusal, *more = found.ending.sentences
    assert refusal.startswith("the server refused: alert ")
    assert refusal.endswith(", about Certificate of the client")
    failing = [each for each in more if each.startswith("check ")]
    assert failing[0].startswith(REFUSED[credential])
    assert VALUES[credential] in failing[0]
    assert len(failing) == 1
    assert "the server may trust others" in more[-1] or "not encrypted" in more[-1]
    assert found.ending.hint


@pytest.mark.parametrize("sides", CAPTURES)
def test_a_client_without_a_certificate_is_told(sides: str) -> None:
    found = explained(CAPTURES[sides](""), trust())
    refusal, *more = found.ending.sentences
    assert refusal.startswith("the server refused: alert ")
    assert refusal.endswith(", about Certificate of the client")
    section = "RFC 5246 §7.4.6" if found.version == "TLS 1.2" else "RFC 8446 §4.4.2.4"
    assert more[0] == f"the client sent no certificate, and the server requires one ({section})"
    assert found.ending.hint == "give the client a certificate: `pki issue --client NAME`"


@pytest.mark.parametrize("sides", CAPTURES)
def test_a_valid_client_certificate_has_no_deviation(sides: str) -> None:
    found = explained(CAPTURES[sides]("good"), trust())
    assert found.ending.sentences == (
        "normal: close_notify from client and server",
        "the server's certificate chain is valid with the given trust anchors, for localhost",
    )


def test_without_trust_anchors_it_is_not_known_whether_the_server_trusts_the_client() -> None:
    found = explained(CAPTURES["ours"]("untrusted-ca"), None)
    text = "\n".join(found.ending.sentences)
    assert "whether CN=untrusted root,O=untrusted signed it and is trusted is not known here" in text
    assert "check chain" not in text
    assert "server_name" not in text  # a client has no name to compare


def test_a_server_with_other_trust_anchors_refuses_what_is_valid_here() -> None:
    """The anchors of --trust are not those of the server: nothing is called wrong."""
    other = ca().builder.untrusted_ca.authority.certificate
    ending = explained(of_openssl("good", ssl.TLSVersion.TLSv1_3, trusts=other), trust()).ending
    text = "\n".join(ending.sentences)
    assert "the server refused: alert unknown_ca (48), about Certificate of the client" in text
    assert "passes every check made here" in text
    assert "the chain is valid with the trust anchors that are given here; the server trusts others" in text
    assert "unknown_ca means: the side that refused found no path to a CA that it trusts" in text
    assert "fails" not in text
    assert ending.hint == "give the server, as a trust anchor, the root CA certificate of the client's chain"
