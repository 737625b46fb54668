"""Fields that a CA certificate lacks, and the programs that reject it. Caught: a wrong or missing program.

Every combination is shown to OpenSSL with -x509_strict, to `ssl` with the flags of Python 3.13, and to cryptography's
verifier.
"""

import json
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import verification

from pki.path.remarks import LIBRARY, STRICT
from pki.verdict import PathProfile
from tests.conftest import Command, run, tool
from tests.pki.minting import (
    CA,
    SERVER,
    Extension,
    Minted,
    assert_accepted,
    basic,
    crl,
    judge,
    mint,
    noncritical,
    usage,
)
from tests.pki.support import DAY, NOW, STRICT_3_13, handshake, pem

LACKS = ("no key usage", "not critical", "no subject key identifier", "no authority key identifier")
SECTIONS = dict(zip(LACKS, ("§4.2.1.3", "§4.2.1.9", "§4.2.1.2", "§4.2.1.1"), strict=True))
EVERY = [found for count in range(5) for found in combinations(LACKS, count)]


def authority(lacks: tuple[str, ...], by: Minted | None = None, **dates: datetime) -> Minted:
    extensions: list[Extension] = []
    extensions.append(noncritical(basic(True)[0]) if "not critical" in lacks else basic(True))
    if "no key usage" not in lacks:
        extensions.append(usage("key_cert_sign", "crl_sign"))
    name = "Root" if by is None else "Sub"
    plain = mint(name, by=by)
    own = plain.certificate.extensions
    if "no subject key identifier" not in lacks:
        extensions.append(noncritical(own.get_extension_for_class(x509.SubjectKeyIdentifier).value))
    if "no authority key identifier" not in lacks:
        extensions.append(noncritical(own.get_extension_for_class(x509.AuthorityKeyIdentifier).value))
    return mint(name, *extensions, by=by, own=plain.key, identifiers=False, **dates)  # type: ignore[arg-type]  # begin and end


def strict_openssl(root: Minted, chain: list[Minted], folder: Path) -> bool:
    (folder / "root.pem").write_bytes(pem(root.certificate))
    (folder / "chain.pem").write_bytes(pem(*(each.certificate for each in chain)))
    done = run(
        tool("openssl"), "verify", "-x509_strict", "-attime", str(int(NOW.timestamp())), "-CAfile", folder / "root.pem",
        "-untrusted", folder / "chain.pem", folder / "chain.pem",
    )  # fmt: skip
    return done.returncode == 0


def library(root: Minted, chain: list[Minted]) -> bool:
    builder = verification.PolicyBuilder().store(verification.Store([root.certificate])).time(NOW)
    try:
        builder.build_server_verifier(x509.DNSName("localhost")).verify(
            chain[0].certificate, [each.certificate for each in chain[1:]]
        )
    except verification.VerificationError:
        return False
    return True


@pytest.mark.parametrize("lacks", EVERY, ids=lambda lacks: ", ".join(lacks) or "nothing")
@pytest.mark.parametrize("place", ["root", "intermediate"])
def test_the_remark_names_all_that_is_missing_and_who_refuses_it(
    lacks: tuple[str, ...], place: str, tmp_path: Path
) -> None:
    good = mint("Root", *CA)
    lax = authority(lacks, by=good if place == "intermediate" else None)
    root, between = (good, [lax]) if place == "intermediate" else (lax, [])
    leaf = mint("localhost", *SERVER, by=lax)
    verdict = judge(leaf, *between, anchors=[root], profile=PathProfile.RFC5280)
    remarked = {lack for lack in LACKS for remark in verdict.remarks if lack in remark.detail}
    # A self-signed certificate may leave out whose key signed it (§4.2.1.1).
    assert remarked == set(lacks) - ({"no authority key identifier"} if place == "root" else set())
    for remark in verdict.remarks:
        assert all(SECTIONS[lack] in remark.section for lack in remarked)
        assert f"CN={'Sub' if place == 'intermediate' else 'Root'}" in remark.detail
    said = " ".join(remark.detail for remark in verdict.remarks)
    refuses_strictly = not strict_openssl(root, [leaf, *between], tmp_path)
    assert (STRICT in said) is refuses_strictly
    assert (LIBRARY in said) is not library(root, [leaf, *between])


@pytest.mark.parametrize("lacks", [(), ("no key usage",), ("not critical",)], ids=str)
def test_python_3_13_refuses_what_the_remark_says(lacks: tuple[str, ...]) -> None:
    now = datetime.now(UTC)  # the clock of `ssl`
    dates = {"begin": now - DAY, "end": now + DAY}
    root = authority(lacks, None, **dates)
    leaf = mint("localhost", *SERVER, by=root, begin=dates["begin"], end=dates["end"])
    key_pem = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    refused = handshake(
        pem(root.certificate).decode(), pem(leaf.certificate).decode(), key_pem, name="localhost", flags=STRICT_3_13
    )
    assert (refused is not None) is bool(lacks), refused


def test_a_good_chain_has_no_remark() -> None:
    root = mint("Root", *CA)
    verdict = judge(mint("localhost", *SERVER, by=root), anchors=[root], crls=[crl(root)])
    assert_accepted(verdict)
    assert verdict.remarks == ()


def test_the_command_prints_the_remark_and_still_accepts(cli: Command, tmp_path: Path) -> None:
    """Bug kind 13."""
    root = authority(("no key usage",))
    (tmp_path / "root.pem").write_bytes(pem(root.certificate))
    (tmp_path / "leaf.pem").write_bytes(pem(mint("localhost", *SERVER, by=root).certificate))
    words = ("verify", tmp_path / "leaf.pem", "--trust", tmp_path / "root.pem", "--at", NOW.isoformat())
    answer = cli(*words)
    assert answer.code == 0
    assert "note      CA" in answer.out
    assert "no key usage" in answer.out
    assert "§4.2.1.3" in answer.out
    found = json.loads(cli(*words, "--json").out)
    (remark,) = found["remarks"]
    assert remark.endswith("(RFC 5280 §4.2.1.3)")
