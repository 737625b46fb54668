"""The path walk against independent test suites: x509-limbo, and NIST's PKITS. Falsehood caught: a wrong verdict."""

import os
from pathlib import Path

import pytest

from tests.conftest import REQUIRE
from tests.oracles import limbo, pkits
from tests.oracles.limbo import Score

DELIBERATE = {
    "rfc5280::aki::cross-signed-root-missing-aki": """An anchor is a name and a key (RFC 5280 §6.1.1 (d)): whose key
        signed it, nobody asks. The case cve-2024-0567 of the same collection expects the opposite.""",
    "webpki::nc::nc-permits-dns-san-pattern": """Its common name is none of its alternative names, which the case
        webpki::cn::not-in-san of the same collection forbids (BR §7.1.4.3).""",
    "webpki::san::exact-localhost-ip-san": """As before: the common name is `example.com`, the only name 127.0.0.1.""",
}
"""Cases of x509-limbo that are judged otherwise, and why."""
UNREADABLE = {"4.1 signatures: ValidDSAParameterInheritanceTest5EE"}
"""DSA parameters that stand in the issuer's certificate only: the library does not load such a key."""
CAREFUL = ("rfc5280::validity", "rfc5280::nc", "pathlen", "cve", "crl", "online")

negative_serials = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


@negative_serials
def test_limbo_is_judged_as_expected_but_for_a_list_of_reasons() -> None:
    folder = os.environ.get("TLSDEMO_DATA")
    if not folder:
        pytest.skip("TLSDEMO_DATA names no folder with x509-limbo-dev.json.gz")
    scores = [limbo.judge(case) for case in limbo.cases(Path(folder) / "x509-limbo-dev.json.gz")]
    assert len(scores) == 141
    assert {each.case for each in missed(scores)} == set(DELIBERATE)
    accepted = [each.case for each in scores if each.verdict == "false accept"]
    assert not [case for case in accepted if case.startswith(CAREFUL)]


@negative_serials
def test_pkits_is_judged_as_expected() -> None:
    try:
        folder = pkits.data()
    except ImportError:
        if REQUIRE:
            raise
        pytest.skip("the package cryptography-vectors is not installed")
    scores = list(pkits.scores(folder))
    assert len(scores) == 161
    assert {each.case for each in missed(scores)} == UNREADABLE


def missed(scores: list[Score]) -> list[Score]:
    return [each for each in scores if each.verdict != "agreed"]
