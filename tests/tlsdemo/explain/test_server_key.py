"""TLS 1.2 with static RSA, explained with the server's key. Caught: a byte unread, a secret of the wrong origin."""

import ssl
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki.keys import PrivateKey
from tests.tlsdemo.wire.support import Conversation, certificate, contexts
from tests.tlsdemo.wire.test_static_rsa import NO_EXTENDED_MASTER_SECRET
from tlsdemo.explain.conversation import Explanation, Kind, explain

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def server_key() -> PrivateKey:
    key = load_pem_private_key(certificate().private_key_pem.bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def talk(ciphers: str | None, *, extended: bool = True) -> Conversation:
    """A line and an answer with these suites; None: TLS 1.3."""
    client, server = contexts(ciphers, ssl.TLSVersion.TLSv1_2 if ciphers else ssl.TLSVersion.TLSv1_3)
    if not extended:
        client.options |= ssl.Options(NO_EXTENDED_MASTER_SECRET)
    return Conversation(client, server).say(b"a line", b"an answer")


def explained(conversation: Conversation, key: PrivateKey | None) -> Explanation:
    return explain(conversation.chunks, None, NOW, server_key=key)


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "AES256-GCM-SHA384"])
def test_with_the_key_every_byte_is_explained(ciphers: str, extended: bool) -> None:
    found = explained(talk(ciphers, extended=extended), server_key())
    assert found.explained == found.total > 1500
    assert not found.problems
    assert [each.data for each in found.entries if each.kind is Kind.DATA] == [b"a line", b"an answer"]
    finished = [each for each in found.entries if each.title == "Finished"]
    assert [check.passed for each in finished for check in each.checks] == [True, True]


@pytest.mark.parametrize("extended", [True, False])
def test_the_keys_are_derived_from_the_premaster_secret(extended: bool) -> None:
    found = explained(talk("AES128-GCM-SHA256", extended=extended), server_key())
    derived = next(each.derived for each in found.entries if each.kind is Kind.KEYS)
    assert [each.name for each in derived[:3]] == ["premaster secret", "master secret", "client write key"]
    assert derived[0].call == "decrypted from ClientKeyExchange with the key of the server's certificate"
    assert ("extended" in derived[1].call) is extended


def test_without_the_key_only_what_is_in_the_clear_is_explained() -> None:
    found = explained(talk("AES128-GCM-SHA256"), None)
    assert found.explained < found.total
    assert not [each for each in found.entries if each.kind in (Kind.KEYS, Kind.DATA)]


@pytest.mark.parametrize(
    ("ciphers", "reason"),
    [
        ("ECDHE-RSA-AES256-GCM-SHA384", "with TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, that key only signs"),
        (None, "with TLS_AES_256_GCM_SHA384, that key only signs"),
        ("AES256-SHA", "decryption of TLS_RSA_WITH_AES_256_CBC_SHA is not implemented"),
    ],
)
def test_where_the_key_decrypts_nothing_the_reason_is_given(ciphers: str | None, reason: str) -> None:
    conversation = talk(ciphers)
    found = explained(conversation, server_key())
    (problem,) = found.problems
    assert problem.startswith(f"the server's key does not decrypt this conversation: {reason}")
    assert found.explained == explained(conversation, None).explained < found.total


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (rsa.generate_private_key(65537, 2048), "it is not the key of the server's certificate"),
        (ec.generate_private_key(ec.SECP256R1()), "it is not an RSA key"),
    ],
    ids=["another", "ecdsa"],
)
def test_another_key_decrypts_nothing(key: PrivateKey, reason: str) -> None:
    found = explained(talk("AES128-GCM-SHA256"), key)
    assert found.problems == (f"the server's key does not decrypt this conversation: {reason}",)
    assert not [each for each in found.entries if each.kind is Kind.KEYS]


def test_a_conversation_that_breaks_off_does_not_raise() -> None:
    chunks = talk("AES128-GCM-SHA256").chunks
    for end in range(len(chunks)):
        explain(chunks[:end], None, NOW, server_key=server_key())
    for one, other in pairwise(chunks):
        explain([other, one], None, NOW, server_key=server_key())
