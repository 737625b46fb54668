"""trustme as an independent issuer: so that `tlsdemo` is not tried with the certificates of `pki` alone."""

import ssl

import pytest
import trustme
from cryptography import x509

from pki import Credential, keys
from tests.peers.support import live
from tlsdemo.events import Agreed, Closed, Ending, Refused
from tlsdemo.tls import client
from tlsdemo.tls.context import client_context, server_context


def anchor(authority: trustme.CA) -> tuple[x509.Certificate, ...]:
    return (x509.load_pem_x509_certificate(authority.cert_pem.bytes()),)


def credential(leaf: trustme.LeafCert) -> Credential:
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    return Credential(keys.from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:]))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("name", ["shop.example.test", "127.0.0.1", "::1"])
@pytest.mark.parametrize("key_type", [trustme.KeyType.ECDSA, trustme.KeyType.RSA], ids=str)
def test_a_certificate_of_trustme_is_served_and_accepted(
    authority: trustme.CA, name: str, key_type: trustme.KeyType
) -> None:
    leaf = credential(authority.issue_cert(name, key_type=key_type))
    with live(server_context(leaf)) as server:
        with server.dial() as plain, client.wrap(plain, client_context(anchor(authority)), name) as tls:
            assert b"received:  hello\n" in client.ask(tls, "hello")
        assert [type(event).__name__ for event in server.conversation()] == ["Agreed", "Said", "Closed"]


def test_an_intermediate_of_trustme_is_sent_along(authority: trustme.CA) -> None:
    leaf = credential(authority.create_child_ca().issue_cert("localhost"))
    assert len(leaf.chain) > 1
    with (
        live(server_context(leaf)) as server,
        server.dial() as plain,
        client.wrap(plain, client_context(anchor(authority)), "localhost") as tls,
    ):
        assert client.ask(tls, "hello")


def test_another_trustme_authority_is_refused(authority: trustme.CA) -> None:
    with live(server_context(credential(authority.issue_cert("localhost")))) as server, server.dial() as plain:
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            client.wrap(plain, client_context(anchor(trustme.CA())), "localhost")
        assert refused.value.verify_code in (19, 20)
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ending.alert == "unknown_ca"
    assert ending.application_bytes == 0


def test_another_name_of_the_same_authority_is_refused(authority: trustme.CA) -> None:
    with live(server_context(credential(authority.issue_cert("evil.example")))) as server, server.dial() as plain:
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            client.wrap(plain, client_context(anchor(authority)), "shop.example")
        assert refused.value.verify_code == 62
        ending = server.ending()
    assert isinstance(ending, Refused)
    assert ending.application_bytes == 0


def test_a_client_of_trustme_is_known_by_its_name(authority: trustme.CA) -> None:
    context = server_context(credential(authority.issue_cert("localhost")), client_trust=anchor(authority))
    mine = client_context(anchor(authority), credential=credential(authority.issue_cert("alice@example.test")))
    with live(context) as server:
        with server.dial() as plain, client.wrap(plain, mine, "localhost") as tls:
            assert b"you are:   email:alice@example.test\n" in client.ask(tls, "hello")
        agreed, _, closed = server.conversation()
    assert isinstance(agreed, Agreed)
    assert agreed.client == ("email:alice@example.test",)
    assert isinstance(closed, Closed)
    assert closed.ending is Ending.ANSWERED
