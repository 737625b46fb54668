"""Why others say otherwise. Falsehood caught: a disagreement over a rogue that nobody can explain."""

from datetime import UTC, datetime

import pytest

from pki import disagreement, engines, exhibits
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


def test_who_agrees_needs_no_reason() -> None:
    now = datetime.now(UTC)
    asked = exhibits.request(specimen("good").served, now)
    opinion = engines.Opinion("openssl", True, "")
    assert disagreement.reason(opinion, Verdict(()), asked) is None
