"""The chain for a server, from any files. Caught: a chain that a client cannot verify, or a choice that is not said."""

import os
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from pki.errors import ExitCode, Problem
from pki.store.bundle import Bundle, bundle, only_replaces
from tests.conftest import run, tool
from tests.pki.minting import CA, SERVER, Minted, edited, hosts, key, mint, noncritical
from tests.pki.support import DAY, NOW

ROOT = mint("Root", *CA)
UPPER = mint("Upper", *CA, by=ROOT)
LOWER = mint("Lower", *CA, by=UPPER)
LEAF = mint("localhost", *SERVER, by=LOWER)
OTHER = mint("other.example", *SERVER, by=LOWER)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pem(*minted: Minted) -> bytes:
    return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in minted)


def key_pem(minted: Minted, passphrase: bytes = b"") -> bytes:
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    data: bytes = minted.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    return data


def write(name: str, data: bytes) -> Path:
    path = Path(name)
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def bundled(*contents: bytes, key: bytes | None = None) -> tuple[Bundle, list[str]]:
    """The bundle of files with these contents, `0`, `1`, ...; and the remarks."""
    remarks: list[str] = []
    paths = [write(str(number), each) for number, each in enumerate(contents)]
    return bundle(paths, write("given.key", key) if key else None, remark=remarks.append), remarks


def refused(*contents: bytes, key: bytes | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        bundled(*contents, key=key)
    assert caught.value.code is ExitCode.NO
    return caught.value


def chain(found: Bundle) -> list[x509.Certificate]:
    return [each.certificate for each in found.chain]


def certificates(*minted: Minted) -> list[x509.Certificate]:
    return [each.certificate for each in minted]


def reasons(found: Bundle) -> dict[str, str]:
    """Why certificates were left out, by file."""
    return {each.file: each.why for each in found.left_out}


@pytest.mark.parametrize("order", list(permutations((LEAF, LOWER, UPPER, ROOT))))
def test_any_order_gives_the_chain_without_the_root(order: tuple[Minted, ...]) -> None:
    found, _ = bundled(*map(pem, order))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)
    assert "root" in reasons(found)[str(order.index(ROOT))]
    assert found.top_issuer is None
    found, _ = bundled(pem(*order))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)


def test_openssl_verifies_the_chain_and_a_missing_link_it_does_not() -> None:
    found, _ = bundled(pem(ROOT, UPPER), pem(LEAF), pem(LOWER))
    write("root.pem", pem(ROOT))
    options = ("-attime", str(int(NOW.timestamp())), "-CAfile", "root.pem")
    whole = write("chain.pem", found.pem)
    done = run(tool("openssl"), "verify", *options, "-untrusted", whole, whole)
    assert done.returncode == 0, done.stderr
    broken = write("broken.pem", pem(LEAF, UPPER))
    assert run(tool("openssl"), "verify", *options, "-untrusted", broken, broken).returncode != 0


def pkcs7_der(*minted: Minted) -> bytes:
    return pkcs7.serialize_certificates(certificates(*minted), Encoding.DER)


FORMATS: dict[str, Any] = {
    "DER": lambda: [each.certificate.public_bytes(Encoding.DER) for each in (UPPER, LEAF, LOWER)],
    "PKCS #7 in DER": lambda: [pkcs7_der(UPPER, LEAF, LOWER)],
    "PKCS #7 in PEM": lambda: [pkcs7.serialize_certificates(certificates(ROOT, LEAF, LOWER, UPPER), Encoding.PEM)],
    "PKCS #12": lambda: [
        pkcs12.serialize_key_and_certificates(
            b"x", LEAF.key, LEAF.certificate, certificates(UPPER, LOWER), NoEncryption()
        )
    ],
    "text around": lambda: [b"subject=me\n" + pem(LOWER) + b"\nissuer=you\n" + pem(LEAF) + pem(UPPER)],
    "CRLF": lambda: [pem(UPPER, LOWER, LEAF).replace(b"\n", b"\r\n")],
}


@pytest.mark.parametrize("contents", FORMATS.values(), ids=FORMATS)
def test_every_format_is_read(contents: Any) -> None:
    found, _ = bundled(*contents())
    assert chain(found) == certificates(LEAF, LOWER, UPPER)


def test_the_passphrase_opens_encrypted_files(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = pkcs12.serialize_key_and_certificates(
        b"x", LEAF.key, LEAF.certificate, certificates(LOWER), BestAvailableEncryption(b"open sesame")
    )
    with pytest.raises(Problem, match="no passphrase was given") as caught:
        bundled(locked)
    assert caught.value.code is ExitCode.CANNOT
    monkeypatch.setenv("PKI_PASSPHRASE_FILE", str(write("passphrase", b"open sesame\n")))
    found, _ = bundled(locked, key_pem(LEAF, b"open sesame"))
    assert chain(found) == certificates(LEAF, LOWER)
    assert found.key_file == "0"


def test_duplicates_are_left_out() -> None:
    found, _ = bundled(pem(LEAF, LOWER, LOWER), pem(LOWER, UPPER, ROOT))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)
    assert [each.why for each in found.left_out if each.certificate == LOWER.certificate] == [
        "a duplicate: it occurs twice",
        "a duplicate: it is also in 0",
    ]


def test_an_unrelated_certificate_is_left_out() -> None:
    stray = mint("Stray", *CA, by=mint("Else", *CA))
    found, _ = bundled(pem(stray), pem(LEAF, LOWER, UPPER, ROOT))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)
    assert reasons(found)["0"] == "it does not belong to the chain of CN=localhost"


# A missing issuer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "orphan", "missing"),
    [
        ((LEAF,), LEAF, LOWER),
        ((LEAF, ROOT), LEAF, LOWER),
        ((LEAF, UPPER, ROOT), LEAF, LOWER),
        ((LEAF, LOWER, ROOT), LOWER, UPPER),
    ],
    ids=["leaf alone", "both intermediates", "the lower one", "the upper one"],
)
def test_a_missing_issuer_is_named(given: tuple[Minted, ...], orphan: Minted, missing: Minted) -> None:
    problem = refused(*map(pem, given))
    subject = missing.certificate.subject.rfc4514_string()
    identifier = x509.SubjectKeyIdentifier.from_public_key(missing.key.public_key()).digest.hex()
    who = orphan.certificate.subject.rfc4514_string()
    assert problem.fact == f"issuer of {who} is missing: subject {subject}, key identifier {identifier}"


def test_without_a_root_the_top_is_said_to_need_one() -> None:
    """The files cannot tell whether the issuer of the last CA is a root, which a server does not send."""
    found, _ = bundled(pem(LEAF, LOWER))
    assert chain(found) == certificates(LEAF, LOWER)
    assert found.top_issuer is not None
    assert found.top_issuer.startswith("subject CN=Upper, key identifier ")


def test_a_certificate_without_key_identifier_has_a_named_issuer_too() -> None:
    problem = refused(pem(mint("localhost", *SERVER, by=LOWER, identifiers=False)))
    assert "subject CN=Lower, key identifier not stated" in problem.fact


def test_the_address_of_the_issuer_is_told() -> None:
    where = x509.UniformResourceIdentifier("http://ca.example/lower.crt")
    access = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, where)
    leaf = mint("localhost", *SERVER, noncritical(x509.AuthorityInformationAccess([access])), by=LOWER)
    assert any("http://ca.example/lower.crt" in each for each in refused(pem(leaf)).evidence)


# Several candidates -------------------------------------------------------------------------------------------------


def test_more_than_one_leaf_is_an_error_that_lists_them() -> None:
    problem = refused(pem(LEAF, LOWER, UPPER), pem(OTHER))
    assert problem.fact == "2 certificates could be the leaf"
    assert [line.split(",")[0] for line in problem.evidence] == ["CN=localhost", "CN=other.example"]


@pytest.mark.parametrize("where", ["among the files", "with --key"])
@pytest.mark.parametrize("leaf", [LEAF, OTHER], ids=["first", "second"])
def test_a_key_chooses_the_leaf(leaf: Minted, where: str) -> None:
    contents = [pem(LEAF, LOWER, UPPER), pem(OTHER)]
    if where == "with --key":
        found, _ = bundled(*contents, key=key_pem(leaf))
    else:
        found, _ = bundled(*contents, key_pem(leaf))
    assert chain(found) == certificates(leaf, LOWER, UPPER)
    assert found.key_file == ("given.key" if where == "with --key" else "2")


@pytest.mark.parametrize(
    "own",
    [rsa.generate_private_key(public_exponent=65537, key_size=2048), ed25519.Ed25519PrivateKey.generate()],
    ids=["RSA", "Ed25519"],
)
def test_keys_of_every_type_choose(own: Any) -> None:
    leaf = mint("localhost", *SERVER, by=LOWER, own=own)
    found, _ = bundled(pem(OTHER, LOWER), pem(leaf), key_pem(leaf))
    assert chain(found) == certificates(leaf, LOWER)


def test_a_key_of_no_certificate_is_an_error() -> None:
    problem = refused(pem(LEAF, LOWER), key_pem(OTHER))
    assert problem.fact == "the key in 1 belongs to none of the certificates"
    assert any(line.startswith("key:") for line in problem.evidence)
    assert any("CN=localhost" in line for line in problem.evidence)


def test_the_key_of_a_ca_makes_the_ca_the_leaf() -> None:
    found, _ = bundled(pem(LEAF, LOWER, UPPER, ROOT), key_pem(LOWER))
    assert chain(found) == certificates(LOWER, UPPER)


def test_of_all_keys_the_one_of_a_server_chooses() -> None:
    found, _ = bundled(pem(LEAF, LOWER, UPPER, ROOT), *map(key_pem, (ROOT, LOWER, LEAF)))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)


def test_a_renewed_certificate_replaces_the_earlier_one() -> None:
    renewed = mint("localhost", *SERVER, by=LOWER, own=LEAF.key, begin=NOW, end=NOW + 60 * DAY)
    for contents in permutations((pem(LEAF), pem(renewed), pem(LOWER))):
        found, _ = bundled(*contents)
        assert chain(found) == certificates(renewed, LOWER)
        assert reasons(found)[str(contents.index(pem(LEAF)))].startswith("another certificate for the key")


def test_one_key_for_two_names_is_ambiguous() -> None:
    twin = mint("other.example", hosts("other.example"), by=LOWER, own=LEAF.key)
    refused(pem(LEAF, LOWER), pem(twin), key_pem(LEAF))


# Issuers of the same name -------------------------------------------------------------------------------------------


def test_of_two_issuers_with_one_name_the_one_whose_key_verifies_is_used() -> None:
    impostor = mint("Lower", *CA, by=UPPER, end=NOW + 90 * DAY)
    for contents in permutations((pem(impostor), pem(LEAF), pem(LOWER), pem(UPPER))):
        found, _ = bundled(*contents)
        assert chain(found) == certificates(LEAF, LOWER, UPPER)
        why = reasons(found)[str(contents.index(pem(impostor)))]
        assert why == "it has the name of the issuer of CN=localhost, but its key did not sign CN=localhost"


def test_an_issuer_with_the_right_name_and_the_wrong_key_is_shown_as_the_evidence() -> None:
    impostor = mint("Lower", *CA, by=UPPER)
    problem = refused(pem(LEAF), pem(impostor, UPPER))
    assert "has that name, but its key did not sign CN=localhost" in problem.evidence[0]


def test_a_claimed_key_identifier_does_not_make_an_issuer() -> None:
    claimed = x509.SubjectKeyIdentifier.from_public_key(LOWER.key.public_key())
    impostor = mint("Lower", *CA, noncritical(claimed), by=UPPER, identifiers=False)
    found, _ = bundled(pem(impostor, LEAF, LOWER))
    assert chain(found) == certificates(LEAF, LOWER)


def test_the_shorter_of_two_chains_is_used() -> None:
    crossed = mint("Root", *CA, by=mint("Elder", *CA), own=ROOT.key)
    found, _ = bundled(pem(crossed, LEAF, LOWER, UPPER, ROOT))
    assert chain(found) == certificates(LEAF, LOWER, UPPER)


def test_a_cross_certificate_is_sent_if_its_root_is_the_only_one() -> None:
    elder = mint("Elder", *CA)
    crossed = mint("Root", *CA, by=elder, own=ROOT.key)
    found, _ = bundled(pem(crossed, LEAF, LOWER, UPPER, elder))
    assert chain(found) == certificates(LEAF, LOWER, UPPER, crossed)


def test_a_change_of_keys_is_followed() -> None:
    """A root with a new key, certified by its old key: subject and issuer are equal, but it is not self-signed."""
    new = mint("Root", *CA, by=ROOT)
    leaf = mint("localhost", *SERVER, by=new)
    found, _ = bundled(pem(ROOT, leaf, new))
    assert chain(found) == certificates(leaf, new)


def test_a_loop_is_an_error() -> None:
    one, other = key(900_001), key(900_002)
    first = mint("One", *CA, own=one)
    second = mint("Other", *CA, by=first, own=other)
    back = mint("One", *CA, by=second, own=one)
    leaf = mint("localhost", *SERVER, by=second)
    problem = refused(pem(leaf, second, back))
    assert "has a loop" in problem.fact
    assert "CN=One is issued by CN=Other, which is already in the chain" in problem.fact
    assert "each of them issued another" in refused(pem(second, back)).fact
    found, _ = bundled(pem(leaf, second, back, first))
    assert chain(found) == certificates(leaf, second)


def test_a_changed_certificate_has_no_issuer() -> None:
    changed = edited(LEAF, LOWER, lambda tbs: tbs)
    damaged = bytearray(changed.certificate.public_bytes(Encoding.DER))
    damaged[-1] ^= 1
    assert "did not sign" in str(refused(bytes(damaged), pem(LOWER, UPPER)))


# Self-signed --------------------------------------------------------------------------------------------------------


def test_a_self_signed_certificate_alone_is_the_whole_chain() -> None:
    alone = mint("localhost", *SERVER)
    found, _ = bundled(pem(alone), key_pem(alone))
    assert chain(found) == certificates(alone)
    assert not found.left_out


def test_a_leaf_directly_below_the_root() -> None:
    leaf = mint("localhost", *SERVER, by=ROOT)
    found, _ = bundled(pem(ROOT, leaf))
    assert chain(found) == certificates(leaf)


def test_cas_alone_give_the_chain_of_the_lowest() -> None:
    found, _ = bundled(pem(ROOT, UPPER, LOWER))
    assert chain(found) == certificates(LOWER, UPPER)
    found, _ = bundled(pem(ROOT))
    assert chain(found) == certificates(ROOT)


# Files that are of no use -------------------------------------------------------------------------------------------


def test_a_damaged_certificate_beside_a_good_one_is_said() -> None:
    damaged = pem(UPPER).replace(b"MII", b"MI!", 1)
    found, remarks = bundled(pem(LEAF, LOWER) + damaged)
    assert chain(found) == certificates(LEAF, LOWER)
    assert any("not base64" in each for each in remarks)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"hello\n", "text without PEM"),
        (b"%PDF-1.7", "a PDF document"),
        (pem(LEAF).replace(b"MII", b"MI!", 1), "not base64"),
        (pem(LEAF)[:-40], "it has no END line"),
        (LEAF.certificate.public_bytes(Encoding.DER)[:200], "byte"),
    ],
    ids=["empty", "text", "PDF", "bad base64", "truncated", "truncated DER"],
)
def test_a_file_of_no_use_is_an_error_that_names_it(content: bytes, words: str) -> None:
    with pytest.raises(Problem) as caught:
        bundled(pem(LEAF, LOWER), content)
    assert caught.value.code is ExitCode.CANNOT
    assert caught.value.fact.startswith("1 contains no")
    assert words in str(caught.value)


def test_a_file_with_other_objects_is_left_out() -> None:
    request = x509.CertificateSigningRequestBuilder(LEAF.certificate.subject).sign(LEAF.key, hashes.SHA256())
    found, remarks = bundled(pem(LEAF, LOWER), request.public_bytes(Encoding.PEM))
    assert chain(found) == certificates(LEAF, LOWER)
    assert remarks == ["1 was ignored: it contains a certificate request"]


@pytest.mark.parametrize("path", ["none.pem", ".", "fifo", "a\0b"])
def test_a_path_that_cannot_be_read_is_an_error(path: str) -> None:
    os.mkfifo("fifo")
    with pytest.raises(Problem) as caught:
        bundle([Path(path)], None)
    assert caught.value.code in (ExitCode.CANNOT, ExitCode.USAGE)


# Work ---------------------------------------------------------------------------------------------------------------


def test_a_mesh_of_cas_takes_little_work() -> None:
    """Ten CAs, each certified by all others: 10! paths."""
    mesh = [mint(f"CA {number}", *CA) for number in range(10)]
    crossed = [
        mint(mine.certificate.subject, *CA, by=above, own=mine.key)
        for mine in mesh
        for above in mesh
        if mine is not above
    ]
    leaf = mint("localhost", *SERVER, by=mesh[0])
    assert "has a loop" in refused(pem(leaf, *crossed)).fact
    found, _ = bundled(pem(leaf, *crossed, mesh[9]))
    assert len(found.chain) == 2


def test_the_work_is_limited() -> None:
    """Many certificates of one name: each could be the issuer of each other one."""
    many = [mint("Same", *CA, by=ROOT, issuer=x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "Same")])) for _ in range(150)]  # fmt: skip
    with pytest.raises(Problem, match="search limit reached") as caught:
        bundled(pem(*many))
    assert caught.value.code is ExitCode.CANNOT


# Existing files -----------------------------------------------------------------------------------------------------


def test_only_an_earlier_chain_of_the_same_leaf_may_be_replaced() -> None:
    ours = only_replaces(certificates(LEAF, LOWER, UPPER))
    renewed = mint("localhost", *SERVER, by=LOWER)
    assert ours(pem(LEAF, LOWER, UPPER))
    assert ours(pem(LEAF))
    assert ours(pem(renewed, LOWER))
    assert ours(pkcs7_der(LEAF, LOWER))
    for other in (
        pem(OTHER, LOWER),
        pem(LEAF, ROOT),
        pem(ROOT),
        pem(mint("localhost", *SERVER, by=UPPER)),
        pem(mint("localhost", hosts("evil.example"), by=LOWER)),
        pem(LEAF) + key_pem(LEAF),
        b"",
        b"text",
        pem(LEAF)[:-30],
    ):
        assert not ours(other)
