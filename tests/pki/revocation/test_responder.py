"""OCSP responses, checked by OpenSSL, GnuTLS and the library's reader, which share no code with
`pki.revocation.responder`.

Falsehoods caught: a response that a client cannot read, or rejects; good for a revoked certificate; a missing nonce; a
response for another issuer; an impostor's response that passes; a request that crashes the responder, or that is not
strict DER but accepted; a response that depends on the clock.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pki import keys
from pki.asn1 import der
from pki.authority import Authority, Credential, authority_name
from pki.keys import KeyType
from pki.profiles import INTERMEDIATE, SERVER
from pki.profiles import ROOT as PROFILE
from pki.revocation.ocsp_request import HASHES as KNOWN
from pki.revocation.ocsp_request import request_from_path
from pki.revocation.responder import RESPONDER, Refusal, Responder, Status
from tests.conftest import run, tool
from tests.pki.support import DAY, NOW, a_leaf, a_root, an_intermediate, key, pem, validity

DER = Encoding.DER
LONGEST_NONCE = 128  # RFC 9654 §2.1
HASHES = [hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]
OK, MALFORMED, UNAUTHORIZED = (
    ocsp.OCSPResponseStatus.SUCCESSFUL,
    ocsp.OCSPResponseStatus.MALFORMED_REQUEST,
    ocsp.OCSPResponseStatus.UNAUTHORIZED,
)
GOOD, REVOKED, UNKNOWN = Status.GOOD, Status.REVOKED, Status.UNKNOWN

# Fixed keys and numbers, so that a failure is reproducible.
ROOT = Authority.self_signed(
    PROFILE, subject=authority_name("test", "root"), key=ec.derive_private_key(6960, ec.SECP256R1()),
    validity=validity(days=3650), serial=1,
)  # fmt: skip
LEAF = ROOT.issue(
    SERVER, alternative_names=[x509.DNSName("localhost")], key=ec.derive_private_key(9654, ec.SECP256R1()),
    validity=validity(), serial=0x1F2E3D4C5B6A79880011,
)  # fmt: skip
RESPONDER_OF_ROOT = Responder(ROOT.certificate, ROOT.credential, lambda serial: GOOD, NOW, NOW + DAY)


def delegate(authority: Authority) -> Credential:
    """A delegated responder."""
    return a_leaf(authority, names=(x509.DNSName("ocsp.test"),), profile=RESPONDER)


def question(
    certificate: x509.Certificate = LEAF.certificate,
    issuer: x509.Certificate = ROOT.certificate,
    algorithm: hashes.HashAlgorithm = HASHES[0],
    *extensions: tuple[x509.ExtensionType, bool],
) -> bytes:
    """A request as the library writes it."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.build().public_bytes(DER)


def by_serial(serial: int, algorithm: hashes.HashAlgorithm = HASHES[0]) -> bytes:
    """A request about any number of our issuer's."""
    request = Node.read(question(algorithm=algorithm))
    cert_id = request.children[0].children[0].children[0].children[0]
    cert_id.children[3] = Node.read(der.integer(serial))
    return request.encoded()


def kind(response_der: bytes) -> ocsp.OCSPResponseStatus:
    return ocsp.load_der_ocsp_response(response_der).response_status


# Today's certificates, for judges that look at the clock --------------------------------------------------------------


@dataclass
class Desk:
    """Files for OpenSSL and GnuTLS, valid today: a root CA, an intermediate CA, three leaves."""

    folder: Path
    key_type: KeyType = KeyType.EC_P256

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.dates = validity(self.now - DAY)
        self.root = a_root(dates=validity(self.now - DAY, 3650))
        subject_key = keys.generate(self.key_type)
        self.authority = self.root.subordinate(
            INTERMEDIATE,
            subject=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"issuer {self.key_type.value}")]),
            key=subject_key, validity=validity(self.now - DAY, 1825), serial=4711,
        )  # fmt: skip
        self.leaves = {status: a_leaf(self.authority, dates=self.dates) for status in Status}
        self.statuses = {leaf.certificate.serial_number: status for status, leaf in self.leaves.items()}
        self.write("root", self.root.certificate)
        self.write("issuer", self.authority.certificate)
        for status, leaf in self.leaves.items():
            self.write(status.name, leaf.certificate)

    def write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / f"{name}.pem"
        path.write_bytes(pem(certificate))
        return path

    def delegate(self, authority: Authority | None = None) -> Credential:
        subject_key = keys.generate(self.key_type)
        named = (x509.DNSName("ocsp.test"),)
        return a_leaf(authority or self.authority, named, self.dates, RESPONDER, subject_key)

    def responder(self, signer: Credential | None = None) -> Responder:
        return Responder(
            self.authority.certificate,
            signer or self.authority.credential,
            self.statuses.__getitem__,
            self.now - timedelta(hours=1),
            self.now + DAY,
        )

    def ask(self, *words: str | Path, about: Sequence[Status] = (GOOD,)) -> Path:
        """The request that OpenSSL writes."""
        request = self.folder / "request.der"
        issuer = ("-issuer", self.folder / "issuer.pem")
        done = run(tool("openssl"), "ocsp", *issuer, *words, *self.certs(about), "-reqout", request)
        assert done.returncode == 0, done.stderr
        return request

    def judged(self, responder: Responder, *words: str | Path, about: Sequence[Status] = (GOOD,)) -> str:
        """The output of OpenSSL for the response to its request: verdict, and status of each certificate."""
        request = self.ask(*words, about=about)
        response = responder.answer(request.read_bytes())
        return self.judgement(response, "-reqin", request) + self.judgement(response, *words, *self.certs(about))

    def judgement(self, response_der: bytes, *words: str | Path) -> str:
        """The output of OpenSSL for a response; with `-cert` it looks for that certificate and ignores the request."""
        response = self.folder / "response.der"
        response.write_bytes(response_der)
        anchor, issuer = ("-CAfile", self.folder / "root.pem"), ("-issuer", self.folder / "issuer.pem")
        done = run(tool("openssl"), "ocsp", "-no_nonce", "-respin", response, *anchor, *issuer, *words)
        return done.stdout + done.stderr

    def certs(self, about: Sequence[Status]) -> list[str | Path]:
        return [word for status in about for word in ("-cert", self.folder / f"{status.name}.pem")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


VERIFIED = "Response verify OK"
SIGNERS: dict[str, Callable[[Desk], Credential]] = {
    "authority": lambda desk: desk.authority.credential,
    "delegate": lambda desk: desk.delegate(),
}


def assert_all_told(words: str) -> None:
    """Each leaf has the status that its file is named after."""
    for status in Status:
        assert f"{status.name}.pem: {status.name.lower()}\n" in words, words


# What a client is told ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.ED25519, KeyType.RSA_2048])
def test_openssl_is_told_the_status_by_authority_and_by_delegate(
    tmp_path: Path, key_type: KeyType, signer: str
) -> None:
    desk = Desk(tmp_path, key_type)
    words = desk.judged(desk.responder(SIGNERS[signer](desk)), about=list(Status))
    assert words.count(VERIFIED) == 2
    assert_all_told(words)


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: str(algorithm.name))
def test_openssl_may_ask_by_any_hash_and_finds_its_question_in_the_answer(
    desk: Desk, algorithm: hashes.HashAlgorithm
) -> None:
    words = desk.judged(desk.responder(), f"-{algorithm.name}", about=list(Status))
    assert words.count(VERIFIED) == 2
    assert_all_told(words)  # "ERROR: No Status found." where the CertID is another


def test_openssl_does_not_find_an_answer_to_another_question(desk: Desk) -> None:
    answer = desk.responder().answer(desk.ask(about=[GOOD]).read_bytes())
    assert "REVOKED.pem: ERROR: No Status found" in desk.judgement(answer, *desk.certs([REVOKED]))


def test_openssl_finds_its_nonce_in_the_answer_and_in_no_other(desk: Desk) -> None:
    first, responder = desk.ask().read_bytes(), desk.responder()
    request = desk.ask()
    assert first != request.read_bytes(), "each has a nonce of its own"
    assert VERIFIED in desk.judgement(responder.answer(request.read_bytes()), "-reqin", request)
    assert "Nonce Verify error" in desk.judgement(responder.answer(first), "-reqin", request)
    without = responder.answer(question(desk.leaves[GOOD].certificate, desk.authority.certificate))
    assert "WARNING: no nonce in response" in desk.judgement(without, "-reqin", request)


def test_a_signed_request_with_a_requestor_name_is_answered_like_any_other(desk: Desk) -> None:
    signer = a_leaf(desk.authority, dates=desk.dates)
    desk.write("requestor", signer.certificate)
    (desk.folder / "requestor.key").write_bytes(signer.key_pem)
    request = desk.ask("-signer", desk.folder / "requestor.pem", "-signkey", desk.folder / "requestor.key")
    shown = run(tool("openssl"), "ocsp", "-reqin", request, "-req_text", "-noverify").stdout
    assert "Requestor Name" in shown
    assert "Signature Algorithm" in shown
    answer = desk.responder().answer(request.read_bytes())
    words = desk.judgement(answer, "-reqin", request) + desk.judgement(answer, *desk.certs([GOOD]))
    assert words.count(VERIFIED) == 2
    assert "GOOD.pem: good" in words


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_gnutls_is_told_the_status_by_authority_and_by_delegate(desk: Desk, signer: str, status: Status) -> None:
    words = by_gnutls(desk, desk.responder(SIGNERS[signer](desk)), status)
    assert "Verifying OCSP Response: Success." in words
    assert f"Certificate Status: {status.name.lower()}" in words


def by_gnutls(desk: Desk, responder: Responder, status: Status) -> str:
    """The output of GnuTLS for the response to its own request."""
    folder = desk.folder
    request, response = folder / "request.der", folder / "response.der"
    done = run(
        tool("ocsptool"), "--generate-request", "--load-issuer", folder / "issuer.pem",
        "--load-cert", folder / f"{status.name}.pem", "--outfile", request,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    response.write_bytes(responder.answer(request.read_bytes()))
    shown = run(tool("ocsptool"), "--response-info", "--load-response", response)
    trust = ("--load-trust", folder / "issuer.pem")
    done = run(tool("ocsptool"), "--verify-response", "--load-response", response, *trust)
    return shown.stdout + done.stdout + done.stderr


# Whom a client believes -----------------------------------------------------------------------------------------------


def namesake(desk: Desk) -> Credential:
    """A CA with the issuer's name and serial number, but the attacker's key."""
    return replace(desk.authority.credential, key=key())


def of_a_stranger(desk: Desk) -> Credential:
    return desk.delegate(a_root("stranger", validity(desk.now - DAY, 3650)))


def of_the_root(desk: Desk) -> Credential:
    """A responder certificate from the root instead of the issuer itself (§4.2.2.2)."""
    return desk.delegate(desk.root)


def expired(desk: Desk) -> Credential:
    return a_leaf(desk.authority, (x509.DNSName("ocsp.test"),), validity(desk.now - DAY, 0), RESPONDER)


def a_server(desk: Desk) -> Credential:
    """A certificate from the right issuer, but not for OCSP."""
    return a_leaf(desk.authority, dates=desk.dates)


IMPOSTORS: dict[Callable[[Desk], Credential], str] = {
    namesake: "signature failure",
    of_a_stranger: "unable to get local issuer certificate",
    of_the_root: "root ca not trusted",
    expired: "certificate has expired",
    a_server: "missing ocspsigning usage",
}


@pytest.mark.parametrize("impostor", IMPOSTORS, ids=lambda impostor: str(impostor.__name__))
def test_openssl_does_not_believe_an_impostor(desk: Desk, impostor: Callable[[Desk], Credential]) -> None:
    words = desk.judged(desk.responder(impostor(desk)))
    assert VERIFIED not in words
    assert IMPOSTORS[impostor] in words, words


@pytest.mark.parametrize("impostor", [namesake, of_a_stranger, a_server])
def test_gnutls_does_not_believe_an_impostor(desk: Desk, impostor: Callable[[Desk], Credential]) -> None:
    words = by_gnutls(desk, desk.responder(impostor(desk)), REVOKED)
    assert "Verifying OCSP Response: Failure" in words, words


def test_the_signers_certificate_goes_along_exactly_when_it_is_not_the_issuers() -> None:
    helper = delegate(ROOT)
    own = ocsp.load_der_ocsp_response(RESPONDER_OF_ROOT.answer(question()))
    others = ocsp.load_der_ocsp_response(replace(RESPONDER_OF_ROOT, signer=helper).answer(question()))
    assert own.certificates == []
    assert others.certificates == [helper.certificate]
    assert (own.responder_name, others.responder_name) == (ROOT.certificate.subject, helper.certificate.subject)


def test_a_signer_without_a_name_is_named_by_its_key(desk: Desk) -> None:
    long = x509.DNSName(f"{'a' * 60}.ocsp.test")  # too long for a common name, so the subject is empty
    nameless = a_leaf(desk.authority, (long,), desk.dates, RESPONDER)
    assert not nameless.certificate.subject.rdns
    assert desk.judged(desk.responder(nameless)).count(VERIFIED) == 2
    response = ocsp.load_der_ocsp_response(desk.responder(nameless).answer(desk.ask("-no_nonce").read_bytes()))
    known = x509.SubjectKeyIdentifier.from_public_key(nameless.certificate.public_key())
    assert response.responder_key_hash == known.digest


# Dates ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("this_update", "next_update", "complaint"),
    [(-2, -1, "status expired"), (1, 2, "status not yet valid"), (-2, None, ""), (-2, 2, "")],
    ids=["stale", "early", "open", "current"],
)
def test_openssl_complains_of_an_answer_that_is_stale_or_early(
    desk: Desk, this_update: int, next_update: int | None, complaint: str
) -> None:
    until = None if next_update is None else desk.now + next_update * DAY
    responder = replace(desk.responder(), this_update=desk.now + this_update * DAY, next_update=until)
    words = desk.judged(responder)
    assert words.count(VERIFIED) == 2
    assert ("WARNING: Status times invalid" in words) == bool(complaint)
    assert complaint in words


def test_the_dates_are_those_given_and_not_the_clocks() -> None:
    revoked = replace(RESPONDER_OF_ROOT, status=lambda serial: REVOKED)
    response = ocsp.load_der_ocsp_response(revoked.answer(question()))
    assert (response.this_update_utc, response.next_update_utc) == (NOW, NOW + DAY)
    assert (response.produced_at_utc, response.revocation_time_utc) == (NOW, NOW)
    response = ocsp.load_der_ocsp_response(replace(revoked, produced_at=NOW + DAY, next_update=None).answer(question()))
    assert (response.produced_at_utc, response.next_update_utc) == (NOW + DAY, None)


def test_dates_of_other_zones_become_utc_in_whole_seconds() -> None:
    there = timezone(timedelta(hours=5, minutes=45))
    moved = replace(RESPONDER_OF_ROOT, this_update=(NOW + timedelta(microseconds=999_999)).astimezone(there))
    assert moved.answer(question()) == RESPONDER_OF_ROOT.answer(question())


def test_a_date_without_a_zone_is_misuse() -> None:
    naive = NOW.replace(tzinfo=None)
    for dates in ((naive, NOW, NOW), (NOW, naive, NOW), (NOW, NOW, naive)):
        with pytest.raises(ValueError, match="time zone"):
            Responder(ROOT.certificate, ROOT.credential, lambda serial: GOOD, *dates)


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.ED25519, KeyType.RSA_2048])
def test_the_same_request_has_the_same_answer_byte_for_byte(key_type: KeyType) -> None:
    signer = a_leaf(ROOT, profile=RESPONDER, leaf_key=keys.generate(key_type))
    responder = replace(RESPONDER_OF_ROOT, signer=signer)
    assert responder.answer(question()) == responder.answer(question())


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.ED25519, KeyType.RSA_2048])
def test_the_signature_is_called_what_it_is_called_in_a_certificate(key_type: KeyType) -> None:
    """RSA has NULL parameters, the others none. OpenSSL accepts both, other clients do not."""
    authority = Authority.self_signed(
        PROFILE, subject=authority_name("other", "root"), key=keys.generate(key_type), validity=validity(), serial=1
    )
    of_a_certificate = Node.read(authority.certificate.public_bytes(DER)).children[1]
    response = Node.read(replace(RESPONDER_OF_ROOT, signer=authority.credential).answer(question()))
    basic = Node.read(response.children[1].children[0].children[1].content)
    assert basic.children[1] == of_a_certificate


# Whose certificates ---------------------------------------------------------------------------------------------------


def another_key() -> x509.Certificate:
    """The same name with another key, as after a key rollover."""
    other = a_root()
    assert other.certificate.subject == ROOT.certificate.subject
    return other.certificate


def an_issuer_below() -> x509.Certificate:
    return an_intermediate(ROOT).certificate


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: str(algorithm.name))
@pytest.mark.parametrize("issuer", [another_key, an_issuer_below])
def test_a_certificate_of_another_issuer_is_not_ours_to_answer_for(
    issuer: Callable[[], x509.Certificate], algorithm: hashes.HashAlgorithm
) -> None:
    about_other, about_ours = question(issuer=issuer(), algorithm=algorithm), question(algorithm=algorithm)
    assert RESPONDER_OF_ROOT.answer(about_other) == Refusal.UNAUTHORIZED.response_der
    assert kind(RESPONDER_OF_ROOT.answer(about_ours)) is OK


@pytest.mark.parametrize("place", [1, 2], ids=["name", "key"])
def test_the_hashes_of_name_and_key_must_both_be_ours(place: int) -> None:
    request = Node.read(question())
    part = request.children[0].children[0].children[0].children[0].children[place]
    part.content = part.content[:-1] + bytes([part.content[-1] ^ 1])
    assert kind(RESPONDER_OF_ROOT.answer(request.encoded())) is UNAUTHORIZED


def test_one_stranger_among_several_makes_the_whole_request_strange() -> None:
    ours, strange = question(), question(issuer=another_key())
    assert kind(RESPONDER_OF_ROOT.answer(together(ours, ours))) is OK
    assert kind(RESPONDER_OF_ROOT.answer(together(ours, strange))) is UNAUTHORIZED
    assert kind(RESPONDER_OF_ROOT.answer(together(strange, ours))) is UNAUTHORIZED


def together(*requests: bytes) -> bytes:
    """One request for the certificates of several requests."""
    lists = [node.children[0].children[0].children for node in map(Node.read, requests)]
    inner = Node(der.SEQUENCE, children=[each for one in lists for each in one])
    return Node(der.SEQUENCE, children=[Node(der.SEQUENCE, children=[inner])]).encoded()


def test_an_unknown_hash_cannot_be_matched_with_our_issuer() -> None:
    request = question(algorithm=hashes.SHA256())
    sha256, unheard_of = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.99"
    changed = request.replace(der.object_identifier(sha256), der.object_identifier(unheard_of))
    assert changed != request
    with pytest.raises(UnsupportedAlgorithm):
        _ = ocsp.load_der_ocsp_request(changed).hash_algorithm
    assert kind(RESPONDER_OF_ROOT.answer(changed)) is UNAUTHORIZED


@given(st.integers(-(2**200), 2**200), st.sampled_from(HASHES))
@example(0, HASHES[0])
@example(-1, HASHES[0])
@example(127, HASHES[0])
@example(128, HASHES[0])
def test_any_number_may_be_asked_about_and_comes_back(serial: int, algorithm: hashes.HashAlgorithm) -> None:
    asked: list[int] = []

    def status(number: int) -> Status:
        asked.append(number)
        return UNKNOWN

    responder = replace(RESPONDER_OF_ROOT, status=status)
    request_der = by_serial(serial, algorithm)
    request, response = ocsp.load_der_ocsp_request(request_der), responder.answer(request_der)
    read = ocsp.load_der_ocsp_response(response)
    assert asked == [serial]
    assert read.serial_number == serial
    assert read.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    assert read.hash_algorithm.name == algorithm.name
    assert (read.issuer_name_hash, read.issuer_key_hash) == (request.issuer_name_hash, request.issuer_key_hash)


@given(st.lists(st.tuples(st.integers(1, 1000), st.sampled_from(HASHES)), min_size=1, max_size=20))
def test_several_are_answered_in_their_order(asked: list[tuple[int, hashes.HashAlgorithm]]) -> None:
    responder = replace(RESPONDER_OF_ROOT, status=lambda serial: list(Status)[serial % 3])
    response = ocsp.load_der_ocsp_response(responder.answer(together(*(by_serial(*each) for each in asked))))
    assert [
        (each.serial_number, each.hash_algorithm.name, each.certificate_status.value) for each in response.responses
    ] == [(serial, algorithm.name, serial % 3) for serial, algorithm in asked]


# Extensions -----------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=LONGEST_NONCE), st.booleans())
@example(b"\0" * LONGEST_NONCE, False)
def test_a_nonce_is_given_back(nonce: bytes, critical: bool) -> None:
    request = question(LEAF.certificate, ROOT.certificate, HASHES[0], (x509.OCSPNonce(nonce), critical))
    response = ocsp.load_der_ocsp_response(RESPONDER_OF_ROOT.answer(request))
    assert [each.value for each in response.extensions] == [x509.OCSPNonce(nonce)]
    assert not response.extensions[0].critical


@pytest.mark.parametrize("nonce", [b"", b"x" * (LONGEST_NONCE + 1), b"x" * 1000], ids=len)
def test_a_nonce_of_no_or_too_many_bytes_is_malformed(nonce: bytes) -> None:
    request = question(LEAF.certificate, ROOT.certificate, HASHES[0], (x509.OCSPNonce(nonce), False))
    assert kind(RESPONDER_OF_ROOT.answer(request)) is MALFORMED


def test_without_a_nonce_there_is_none() -> None:
    assert not list(ocsp.load_der_ocsp_response(RESPONDER_OF_ROOT.answer(question())).extensions)


@pytest.mark.parametrize(("critical", "expected"), [(True, UNAUTHORIZED), (False, OK)], ids=["critical", "plain"])
def test_an_extension_that_we_do_not_know_counts_only_when_it_is_critical(
    critical: bool, expected: ocsp.OCSPResponseStatus
) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    request = question(LEAF.certificate, ROOT.certificate, HASHES[0], (unknown, critical))
    assert kind(RESPONDER_OF_ROOT.answer(request)) is expected


@pytest.mark.parametrize(("critical", "expected"), [(True, UNAUTHORIZED), (False, OK)], ids=["critical", "plain"])
def test_the_same_for_one_certificate(critical: bool, expected: ocsp.OCSPResponseStatus) -> None:
    parts = (
        der.object_identifier("1.3.6.1.4.1.99999.1"),
        der.boolean(True) if critical else b"",
        der.octet_string(b""),
    )
    single = Node.read(der.explicit(0, der.sequence(der.sequence(*parts))))
    request = Node.read(question())
    request.children[0].children[0].children[0].children.append(single)
    assert library(request.encoded()) == "read"
    assert kind(RESPONDER_OF_ROOT.answer(request.encoded())) is expected


def test_a_wish_for_basic_answers_is_understood() -> None:
    wish = x509.OCSPAcceptableResponses([x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.1")])
    request = question(LEAF.certificate, ROOT.certificate, HASHES[0], (wish, True))
    assert kind(RESPONDER_OF_ROOT.answer(request)) is OK


# Any bytes ------------------------------------------------------------------------------------------------------------


@dataclass
class Node:
    """An element of DER that can be changed and written again, with lengths that are right."""

    tag: int
    content: bytes = b""
    children: list["Node"] = field(default_factory=list)

    @classmethod
    def read(cls, source: bytes) -> "Node":
        return cls._of(source, der.read(source))

    @classmethod
    def _of(cls, source: bytes, element: der.Element) -> "Node":
        if element.tag & der.CONSTRUCTED:
            return cls(element.tag, children=[cls._of(source, child) for child in der.children(source, element)])
        return cls(element.tag, source[element.content])

    def encoded(self) -> bytes:
        return der.element(self.tag, self.content, *(child.encoded() for child in self.children))

    def all(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            yield from child.all()


SEEDS = [
    question(),
    question(algorithm=hashes.SHA512()),
    question(LEAF.certificate, ROOT.certificate, HASHES[2], (x509.OCSPNonce(b"0123456789abcdef"), False)),
    question(
        LEAF.certificate, ROOT.certificate, HASHES[0], (x509.OCSPNonce(b"n"), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b""), False),
    ),
]  # fmt: skip
"""What is read to the last bit: with a nonce, with an extension that is not known."""

SIGNATURE = der.explicit(0, der.sequence(der.sequence(der.object_identifier("1.3.101.112")), der.bit_string(b"signed")))
REQUESTOR = der.explicit(1, der.element(der.CONTEXT | 2, b"requestor.test"))
SKIPPED = [
    der.sequence(question()[2:], SIGNATURE),
    der.sequence(der.sequence(REQUESTOR, question()[4:])),
    der.sequence(der.sequence(REQUESTOR, question()[4:]), SIGNATURE),
]
"""With parts into which we do not look."""


def library(request_der: bytes) -> str:
    """The result of the library's strict reader, in Rust, for a request about one certificate."""
    try:
        request = ocsp.load_der_ocsp_request(request_der)
        _ = request.serial_number, request.issuer_name_hash, request.issuer_key_hash
        extensions = request.extensions
    except NotImplementedError:
        return "several"
    except (ValueError, x509.DuplicateExtension):
        return "malformed"
    nonces = [each.value.nonce for each in extensions if isinstance(each.value, x509.OCSPNonce)]
    # The library takes a nonce of RFC 2560, too: any bytes, where RFC 6960 has an OCTET STRING.
    strict = (der.octet_string(der.octet_string(nonce)) in request_der for nonce in nonces)
    if not all(1 <= len(nonce) <= LONGEST_NONCE for nonce in nonces) or not all(strict):
        return "malformed"
    try:
        _ = request.hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown hash"
    return "read"


EXPECTED = {
    "malformed": {MALFORMED},
    "unknown hash": {UNAUTHORIZED},
    "read": {OK, UNAUTHORIZED},
    "several": {OK, UNAUTHORIZED, MALFORMED},
}


@given(st.binary())
@example(b"")
@example(b"0")
@example(b"\x30\x80" * 1000)
@example(b"\x30\x84\xff\xff\xff\xff")
@example(der.sequence(der.sequence(der.sequence())))
@example(bytes.fromhex("30") + b"\xff" + b"\xff" * 200)
def test_any_bytes_have_an_answer(request_der: bytes) -> None:
    assert kind(RESPONDER_OF_ROOT.answer(request_der)) in EXPECTED[library(request_der)]


def test_elements_inside_each_other_without_end_have_an_answer() -> None:
    deep = b""
    for _ in range(20_000):
        deep = der.sequence(deep) if len(deep) < 65_000 else deep
    assert RESPONDER_OF_ROOT.answer(deep) == Refusal.MALFORMED_REQUEST.response_der


@pytest.mark.parametrize("request_der", SEEDS + SKIPPED, ids=range(len(SEEDS + SKIPPED)))
def test_every_seed_is_read(request_der: bytes) -> None:
    assert library(request_der) == "read"
    assert kind(RESPONDER_OF_ROOT.answer(request_der)) is OK


@pytest.mark.parametrize("request_der", SEEDS + SKIPPED, ids=range(len(SEEDS + SKIPPED)))
def test_every_proper_prefix_and_every_appended_byte_is_malformed(request_der: bytes) -> None:
    cut = [request_der[:length] for length in range(len(request_der))]
    longer = [request_der + bytes([byte]) for byte in range(256)]
    for each in cut + longer:
        assert RESPONDER_OF_ROOT.answer(each) == Refusal.MALFORMED_REQUEST.response_der


@pytest.mark.parametrize("request_der", SEEDS, ids=range(len(SEEDS)))
def test_every_changed_bit_is_understood_as_strict_der_is(request_der: bytes) -> None:
    for place in range(len(request_der) * 8):
        changed = bytearray(request_der)
        changed[place // 8] ^= 1 << place % 8
        assert_understood_alike(bytes(changed))


def not_distinguished() -> Iterator[bytes]:
    """The same request in equivalent encodings, of which DER allows one (X.690 §10.1)."""
    seed = question()
    yield from (with_a_long_length(Node.read(seed), place) for place in range(10))
    cert_id = Node.read(seed).children[0].children[0].children[0].children[0]
    algorithm, _, _, serial = (each.encoded() for each in cert_id.children)
    yield rewritten(seed, serial, lambda node: b"\x00" + node.content)
    yield rewritten(seed, serial, lambda node: b"")
    oid = Node.read(algorithm).children[0].encoded()
    yield rewritten(seed, oid, lambda node: b"\x80" + node.content)
    yield rewritten(seed, oid, lambda node: node.content[:-1] + b"\x80\x1a")
    yield rewritten(seed, oid, lambda node: b"")
    version = Node.read(seed)
    version.children[0].children.insert(0, Node.read(der.explicit(0, der.integer(0))))
    yield version.encoded()


def with_a_long_length(request: "Node", place: int) -> bytes:
    """One length takes two bytes too many; the lengths around it are adjusted."""
    nodes = list(request.all())
    assert len(nodes) == 11

    def encoded(node: Node) -> bytes:
        content = node.content + b"".join(map(encoded, node.children))
        if node is nodes[place]:
            return bytes([node.tag, 0x82]) + len(content).to_bytes(2) + content
        return der.element(node.tag, content)

    return encoded(request)


def rewritten(request_der: bytes, element: bytes, change: Callable[["Node"], bytes]) -> bytes:
    request = Node.read(request_der)
    node = next(node for node in request.all() if node.encoded() == element)
    node.content = change(node)
    return request.encoded()


@pytest.mark.parametrize("request_der", [*not_distinguished()])
def test_what_is_no_der_is_malformed_though_it_says_the_same(request_der: bytes) -> None:
    assert library(request_der) == "malformed"
    assert RESPONDER_OF_ROOT.answer(request_der) == Refusal.MALFORMED_REQUEST.response_der


def test_a_request_about_nothing_is_malformed() -> None:
    assert (
        RESPONDER_OF_ROOT.answer(der.sequence(der.sequence(der.sequence()))) == Refusal.MALFORMED_REQUEST.response_der
    )


def assert_understood_alike(request_der: bytes) -> None:
    theirs, ours = library(request_der), kind(RESPONDER_OF_ROOT.answer(request_der))
    if theirs == "malformed" and ours is UNAUTHORIZED and asks_by_a_hash_of_its_own(request_der):
        return  # the library knows more algorithms than may ask, and that some of them have no NULL
    assert ours in EXPECTED[theirs], (request_der.hex(), theirs, ours)


def asks_by_a_hash_of_its_own(request_der: bytes) -> bool:
    """Whether any of the certificates is."""
    requests = Node.read(request_der).children[0].children[0].children
    oids = [each.children[0].children[0].children[0] for each in requests]
    return any(oid.content not in [Node.read(each).content for each in KNOWN] for oid in oids)


@given(st.data())
@settings(max_examples=1000)
def test_every_changed_element_is_understood_as_strict_der_is(data: st.DataObject) -> None:
    """Lengths are right here, so what is changed is what the request says, not whether it can be read at all."""
    root = Node.read(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 3))):
        nodes = list(root.all())
        node = data.draw(st.sampled_from(nodes))
        other = data.draw(st.sampled_from(nodes))
        match data.draw(st.sampled_from(["tag", "content", "remove", "repeat", "exchange"])):
            case "tag":
                node.tag = data.draw(st.sampled_from([each.tag for each in nodes] + [0x01, 0x05, 0xA0, 0xA1, 0xA2]))
            case "content" if not node.children:
                node.content = data.draw(st.binary(max_size=24) | st.just(b"\x00") | st.just(b"\xff"))
            case "remove" if node.children:
                del node.children[data.draw(st.integers(0, len(node.children) - 1))]
            case "repeat" if node.children:
                node.children.append(deepcopy(data.draw(st.sampled_from(node.children))))
            case "exchange" if node is not root and other is not root:
                twin = deepcopy(other)
                node.tag, node.content, node.children = twin.tag, twin.content, twin.children
    assert_understood_alike(root.encoded())


@pytest.mark.parametrize("refusal", Refusal, ids=lambda refusal: refusal.name)
def test_openssl_names_the_refusal(desk: Desk, refusal: Refusal) -> None:
    words = desk.judgement(refusal.response_der)
    assert f"Responder Error: {refusal.name.replace('_', '').lower()} ({refusal.number})" in words


# The form of GET ------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=1), st.sampled_from(["", "/", "+", "=", "/+="]), st.sampled_from(["", "/"]))
def test_what_is_in_a_path_comes_out_whatever_is_left_unencoded(request: bytes, safe: str, slash: str) -> None:
    text = base64.b64encode(request).decode()
    assume(not (text.startswith("/") and "/" in safe))  # not the start of a SEQUENCE
    assert request_from_path(slash + quote(text, safe=safe)) == request


@pytest.mark.parametrize(
    "path",
    ["", "/", "//", "/ocsp/", "/MEI", "/MEI=x", "/M E=", "/TUVI\n", "/%", "/%zz", "/%4", "/TUVI?x=1", "/\u00fc",
     "/%ff%ff%ff%ff", "/TU-_", "/TUVI/../"],
)  # fmt: skip
def test_a_path_that_holds_no_base64_is_a_value_error(path: str) -> None:
    with pytest.raises(ValueError):
        request_from_path(path)


@given(st.text())
def test_any_path_is_bytes_or_a_value_error(path: str) -> None:
    try:
        found = request_from_path(path)
    except ValueError:
        return
    assert found


def test_every_status_and_every_refusal_says_what_it_means() -> None:
    said = [each.sentence for each in (*Status, *Refusal)]
    assert all(said)
    assert len(set(said)) == len(said)
