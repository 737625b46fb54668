"""The only builder of contexts: what is checked, and that no key lies about while it is loaded."""

import os
import ssl
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pki import Credential, names
from pki.authority import Authority, Validity
from pki.errors import Problem
from pki.keys import KeyType, generate
from pki.profiles import CLIENT
from pki.store.files import read_certificates, read_credential, read_crls
from tests.conftest import mint
from tests.pki.cases.test_cases import minted_once
from tests.pki.support import a_leaf, a_root, validity
from tlsdemo.tls.context import Ciphers, Verify, client_context, server_context
from tlsdemo.tls.protocol import VERIFY, WEAK_CIPHERS

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def test_every_choice_is_good_or_leaves_out_one_protection() -> None:
    assert set(Ciphers) == {Ciphers.GOOD, Ciphers.GOOD_1_2, *WEAK_CIPHERS.values()}
    assert set(Verify) == set(VERIFY.values())


def shake(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A handshake in memory; the first error comes out as it is."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(down, up, server_hostname=name),
        server.wrap_bio(up, down, server_side=True),
    )
    done = [False, False]
    for _ in range(20):
        for place, side in enumerate(sides):
            if not done[place]:
                try:
                    side.do_handshake()
                    done[place] = True
                except ssl.SSLWantReadError:
                    pass
    assert all(done)
    return sides


def refusal(client: ssl.SSLContext, server: ssl.SSLContext, name: str = "localhost") -> int:
    """The verify code with which one of the two refuses the other."""
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        shake(client, server, name)
    return refused.value.verify_code


@pytest.fixture(scope="module")
def root() -> Authority:
    return a_root(dates=validity(NOW - DAY, 3650))


def leaf(root: Authority, *wanted: str, start: datetime = NOW - DAY) -> Credential:
    return a_leaf(root, [names.parse(name) for name in wanted or ("localhost",)], validity(start))


def crl_of(
    root: Authority, *serials: int, start: datetime = NOW - DAY, days: int = 7
) -> list[x509.CertificateRevocationList]:
    """A list of revoked serials, signed by the root."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.subject)
        .last_update(start)
        .next_update(start + days * DAY)
    )
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(start).build()
        builder = builder.add_revoked_certificate(revoked)
    return [builder.sign(root.credential.key, hashes.SHA256())]


# What is checked ----------------------------------------------------------------------------------------------------


def test_both_sides_speak_tls_1_2_at_least_and_1_3_where_they_can(root: Authority) -> None:
    client, server = client_context([root.certificate]), server_context(leaf(root))
    assert client.minimum_version is server.minimum_version is ssl.TLSVersion.TLSv1_2
    assert shake(client, server)[0].version() == "TLSv1.3"
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake(client, server)[0].version() == "TLSv1.2"


def test_a_client_checks_chain_and_name_from_the_start(root: Authority) -> None:
    context = client_context([root.certificate])
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert refusal(context, server_context(leaf(root, "evil.example"))) == 62
    assert refusal(context, server_context(leaf(root, "127.0.0.2")), "127.0.0.1") == 64
    assert refusal(context, server_context(leaf(a_root("other", validity(NOW - DAY))))) in (19, 20)


def test_only_the_anchors_given_are_trusted_and_none_of_the_machine() -> None:
    assert client_context([a_root().certificate]).cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("verify", Verify)
def test_what_is_not_checked_is_what_the_name_says(root: Authority, verify: Verify) -> None:
    context = client_context([root.certificate], verify=verify)
    wrong_name, wrong_root = (
        server_context(leaf(root, "evil.example")),
        server_context(leaf(a_root("evil", validity(NOW - DAY)))),
    )
    accepts: dict[Verify, Sequence[ssl.SSLContext]] = {
        Verify.EVERYTHING: [],
        Verify.ANY_NAME_FOR_THE_DEMO: [wrong_name],
        Verify.ANY_TIME_FOR_THE_DEMO: [],
        Verify.NOTHING_FOR_THE_DEMO: [wrong_name, wrong_root],
    }
    for server in (wrong_name, wrong_root):
        if server in accepts[verify]:
            shake(context, server)
        else:
            refusal(context, server)


@pytest.mark.parametrize("alternatives", [["evil.example"], ["127.0.0.1"]], ids=str)
def test_the_common_name_is_not_consulted(root: Authority, alternatives: list[str]) -> None:
    key = generate(KeyType.EC_P256)
    template = leaf(root, *alternatives)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    for extension in template.certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate = builder.sign(root.credential.key, hashes.SHA256())
    server = server_context(Credential(key, certificate))
    # With no DNS name among the alternatives OpenSSL's default would fall back to CN=localhost.
    assert refusal(client_context([root.certificate]), server) == 62


def test_rfc_5280_is_followed_to_the_letter_on_every_python(root: Authority) -> None:
    client = client_context([root.certificate])
    assert client.verify_flags & ssl.VERIFY_X509_STRICT
    assert server_context(leaf(root), client_trust=[root.certificate]).verify_flags & ssl.VERIFY_X509_STRICT


def test_an_expired_certificate_and_one_of_tomorrow_are_refused(root: Authority) -> None:
    client = client_context([root.certificate])
    assert refusal(client, server_context(a_leaf(root, dates=Validity(NOW - DAY, NOW - DAY / 2)))) == 10
    assert refusal(client, server_context(a_leaf(root, dates=validity(NOW + DAY)))) == 9


def test_a_client_certificate_is_no_server_certificate_and_the_reverse(root: Authority) -> None:
    server_leaf, client_leaf = leaf(root), a_leaf(root, dates=validity(NOW - DAY), profile=CLIENT)
    assert refusal(client_context([root.certificate]), server_context(client_leaf)) == 26
    server = server_context(server_leaf, client_trust=[root.certificate])
    assert refusal(client_context([root.certificate], credential=server_leaf), server) == 26
    shake(client_context([root.certificate], credential=client_leaf), server)


# Revocation ---------------------------------------------------------------------------------------------------------


def test_a_good_list_accepts_and_a_revoked_leaf_is_refused(root: Authority) -> None:
    mine = leaf(root)
    server, anchors = server_context(mine), [root.certificate]
    shake(client_context(anchors, crls=crl_of(root)), server)
    shake(client_context(anchors, crls=crl_of(root, mine.certificate.serial_number + 1)), server)
    assert refusal(client_context(anchors, crls=crl_of(root, mine.certificate.serial_number)), server) == 23


def test_a_stale_list_and_one_of_tomorrow_refuse(root: Authority) -> None:
    server = server_context(leaf(root))
    assert refusal(client_context([root.certificate], crls=crl_of(root, start=NOW - 9 * DAY)), server) == 12
    assert refusal(client_context([root.certificate], crls=crl_of(root, start=NOW + DAY)), server) == 11


def test_a_crl_of_another_ca_refuses(root: Authority) -> None:
    other = a_root("other", validity(NOW - DAY))
    assert refusal(client_context([root.certificate], crls=crl_of(other)), server_context(leaf(root))) == 3


def test_a_crl_signed_with_another_key_refuses(root: Authority) -> None:
    forger = a_root("test", validity(NOW - DAY))  # the same name, another key
    assert forger.certificate.subject == root.certificate.subject
    assert refusal(client_context([root.certificate], crls=crl_of(forger)), server_context(leaf(root))) == 8


def test_the_minted_lists_cover_the_whole_minted_chain(certs: Path) -> None:
    anchors, crls = read_certificates(certs / "root.pem"), read_crls(certs / "crl.pem")
    server = server_context(read_credential(certs / "server.pem", certs / "server.key"))
    shake(client_context(anchors, crls=crls), server)
    assert refusal(client_context(anchors, crls=crls[:1]), server) == 3  # the intermediate's is missing


def test_a_server_refuses_a_client_that_was_revoked(root: Authority) -> None:
    mine = a_leaf(root, [x509.DNSName("client")], validity(NOW - DAY), CLIENT)
    client = client_context([root.certificate], credential=mine)
    for serials, refused in (((), False), ((mine.certificate.serial_number,), True)):
        server = server_context(leaf(root), client_trust=[root.certificate], crls=crl_of(root, *serials))
        if refused:
            assert refusal(client, server) == 23
        else:
            shake(client, server)


# Keys on disk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.ED25519, KeyType.RSA_2048], ids=lambda k: k.value
)
def test_a_key_never_lies_unencrypted_on_disk_and_nothing_is_left(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, key_type: KeyType
) -> None:
    credential = read_credential(mint(tmp_path / "certs", key_type) / "server.pem", tmp_path / "certs/server.key")
    seen: list[bytes] = []
    load = ssl.SSLContext.load_cert_chain

    def watch(context: ssl.SSLContext, certfile: str, *arguments: object, **options: object) -> None:
        for path in temporary.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            seen.append(path.read_bytes())
        load(context, certfile, *arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watch)
    server_context(credential)
    client_context(
        read_certificates(tmp_path / "certs/root.pem"),
        crls=read_crls(tmp_path / "certs/crl.pem"),
        credential=credential,
    )
    assert len(seen) == 2
    for content in seen:
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
        key = content[content.index(b"-----BEGIN ENCRYPTED") :]
        with pytest.raises(TypeError, match="encrypted"):
            load_pem_private_key(key, None)
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_when_loading_fails(root: Authority, temporary: Path) -> None:
    one, other = leaf(root), leaf(root)
    with pytest.raises(Problem, match="does not load"):
        server_context(Credential(other.key, one.certificate))
    assert list(temporary.iterdir()) == []


# The key log --------------------------------------------------------------------------------------------------------


def test_a_key_log_is_created_for_its_owner_alone_whatever_the_umask(root: Authority, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        client_context([root.certificate], keylog=tmp_path / "keys.log")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "keys.log").stat().st_mode) == 0o600


def test_a_key_log_is_appended_to(root: Authority, tmp_path: Path) -> None:
    keylog = tmp_path / "keys.log"
    for _ in range(2):
        shake(client_context([root.certificate], keylog=keylog), server_context(leaf(root)))
    assert keylog.read_text().count("CLIENT_TRAFFIC_SECRET_0") == 2


def test_a_key_log_that_cannot_be_written_is_a_problem_for_a_person(root: Authority, tmp_path: Path) -> None:
    for path in (tmp_path / "missing/keys.log", tmp_path):
        with pytest.raises(Problem, match="cannot write the key log"):
            client_context([root.certificate], keylog=path)


@pytest.mark.parametrize(("case", "words"), [("rsa1024", "ee key too small"), ("san-malformed-der", "invalid")])
def test_a_certificate_that_openssl_does_not_load_is_said(case: str, words: str) -> None:
    with pytest.raises(Problem, match="does not load") as told:
        server_context(minted_once(case).credential)
    assert words in str(told.value)
    assert told.value.hint
