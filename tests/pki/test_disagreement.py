"""Why others say otherwise. Falsehood caught: a disagreement over a rogue that nobody can explain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from pki import disagreement, engines, exhibits, path
from pki.rogues import CATALOGUE
from pki.verdict import Verdict
from tests.conftest import tool
from tests.pki.test_rogues import specimen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [case for case in CATALOGUE if case != "time-fractional"])
def test_every_disagreement_over_a_rogue_has_a_reason(case: str) -> None:
    for program in ("openssl", "certtool"):
        tool(program)
    now = datetime.now(UTC)
    for served in (specimen(case).served, specimen(case).control):
        asked = exhibits.request(served, now)
        verdict = exhibits.judge(served, now)
        for opinion in engines.opinions(asked):
            said = disagreement.reason(opinion, verdict, asked)
            assert (said is not None) is opinion.disagrees_with(verdict), opinion


@pytest.mark.filterwarnings("ignore")
def test_a_disagreement_over_the_form_of_another_name_has_a_reason() -> None:
    now = datetime.now(UTC)
    asked = replace(exhibits.request(specimen("underscore-host").served, now), name=x509.DNSName("good.lab.test"))
    verdict = path.judge(asked)
    assert verdict.failure is not None
    assert verdict.failure.name == "name form"
    opinion = next(each for each in engines.opinions(asked) if each.engine == "cryptography")
    assert opinion.accepted
    assert disagreement.reason(opinion, verdict, asked) is not None


@pytest.mark.parametrize("case", ["good", "revoked"])
def test_the_last_second_counts_and_openssl_is_said_to_end_before_it(case: str) -> None:
    tool("openssl")
    control = specimen(case).control
    asked = exhibits.request(control, datetime.now(UTC))
    last = asked.crls[0].next_update_utc if asked.crls else asked.leaf.not_valid_after_utc
    assert last is not None
    at_the_end = replace(asked, at=last)
    opinion = next(each for each in engines.opinions(at_the_end) if each.engine == "openssl")
    assert path.judge(at_the_end).accepted
    assert not opinion.accepted
    assert disagreement.reason(opinion, path.judge(at_the_end), at_the_end) == disagreement.LAST_SECOND
    after = replace(asked, at=last + timedelta(seconds=1))
    assert not path.judge(after).accepted


def test_who_agrees_needs_no_reason() -> None:
    now = datetime.now(UTC)
    asked = exhibits.request(specimen("good").served, now)
    opinion = engines.Opinion("openssl", True, "")
    assert disagreement.reason(opinion, Verdict(()), asked) is None
