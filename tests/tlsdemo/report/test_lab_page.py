"""The index page of the lab. Falsehood caught: a bad case below valid ones, or an acceptance that is not shown."""

import re

from tests.tlsdemo.report.samples import CASES
from tlsdemo.report.lab_page import ABOUT, IndexEntry, TrustStore, as_html


def page(*accepted: str, agent: str = "curl/8") -> str:
    entries = [
        IndexEntry(each, f"https://localhost:4/{each.id}", "", "", int(each.id in accepted)) for each in CASES.values()
    ]
    return as_html(entries, agent, 4434)


def test_bad_cases_come_first_and_valid_ones_last() -> None:
    found = re.findall(r'<li id="([\w-]+)"', page())
    must = [CASES[case].must for case in found]
    assert sorted(found) == sorted(CASES)
    assert must == sorted(must, reverse=True)  # reject before accept


def test_every_link_of_the_contents_leads_to_a_theme_and_no_id_is_there_twice() -> None:
    text = page()
    ids = re.findall(r' id="([\w-]+)"', text)
    assert len(ids) == len(set(ids))
    contents = text.partition("<nav>")[2].partition("</nav>")[0]
    links = re.findall(r'href="#([\w-]+)"', contents)
    assert set(links) <= set(ids)
    assert {f"bad-cases-{each.theme}" for each in CASES.values() if each.must == "reject"} <= set(links)


def test_an_accepted_bad_case_is_an_alarm_and_an_accepted_valid_one_is_not() -> None:
    text = page("expired", "good")
    assert '<li id="expired" class="must accepted alarm">' in text
    assert '<li id="good" class="must accepted">' in text
    assert "1 bad case that a strict client refuses" in text
    assert "1 valid case." in text
    assert "No bad case so far." in page("good")


def test_it_shows_how_a_trust_store_gets_the_root_and_how_to_undo_it() -> None:
    text = as_html([], "curl/8", 4434, [TrustStore("Debian", ["cp ca.pem a", "update"], ["rm a"])])
    assert "<code>cp ca.pem a</code>, then <code>update</code></td>" in text
    assert "<code>rm a</code></td>" in text


def test_every_theme_is_explained() -> None:
    assert {each.theme for each in CASES.values()} <= set(ABOUT)


def test_a_user_agent_is_text() -> None:
    assert "<b>" not in page(agent="<b>x\x1b[31m").partition("<h2>What")[2].partition("</section>")[0]
