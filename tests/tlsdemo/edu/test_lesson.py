"""The lesson lasts 90 minutes, and every section asks a question and answers it. Caught: a lesson with a gap."""

import re

from tests import guides
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.protocol import Protection

PAGE = "tlsdemo/edu/LESSON.md"
SECTIONS = re.findall(r"^## (\d):(\d\d) to (\d):(\d\d), .*\n((?:(?!^## ).*\n)*)", guides.text(PAGE), re.MULTILINE)


def test_the_lesson_lasts_90_minutes_without_a_gap() -> None:
    times = [(60 * int(a) + int(b), 60 * int(c) + int(d)) for a, b, c, d, _ in SECTIONS]
    assert [begin for begin, _ in times] == [0, *(end for _, end in times[:-1])]
    assert times[-1][1] == 90


def test_every_section_but_the_last_answers_what_it_asks() -> None:
    for *_, text in SECTIONS[:-1]:
        assert text.count("**Question.**") == text.count("**Answer.**") > 0


def test_the_attacks_of_the_lesson_succeed_without_the_protection_that_is_removed() -> None:
    found = re.findall(r"^tlsdemo attack ([\w-]+) --on ca --without (\w+)$", guides.text(PAGE), re.MULTILINE)
    assert len(found) == 6
    for attack, name in found:
        assert Protection[name.upper()] in BY_ID[attack].stopped_by


def test_the_glossary_is_sorted() -> None:
    glossary = guides.text(PAGE).partition("## Glossary\n")[2]
    terms = [term.lower() for term in re.findall(r"^\| ([^|]+) \| ", glossary, re.MULTILINE)][1:]
    assert terms == sorted(set(terms))
