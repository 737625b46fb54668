"""The page of one client, read by a parser of HTML. Falsehood caught: a dead link, or words that become markup."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from hypothesis import given

from tests.tlsdemo.report import samples
from tests.tlsdemo.report.samples import CASES, blind, careless, endless, inconclusive, refused, report, strict
from tlsdemo.findings import Report
from tlsdemo.report.client_page import as_html

VOID = {"meta"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "dl", "div", "dt", "dd", "code", "section",
    "p", "span", "strong", "table", "tr", "th", "td", "b", "a", "details", "summary", "samp", "footer",
    "ol", "ul", "li",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "title", "aria-label",
    "aria-labelledby", "scope", "open", "rel",
}  # fmt: skip
OUTSIDE = re.compile(r"https://www\.(rfc-editor\.org/rfc/rfc\d+(#[\w.-]+)?|cve\.org/CVERecord\?id=CVE-\d+-\d+)")


@dataclass
class Seen(HTMLParser):
    """What a browser would find, roughly."""

    tags: Counter[str] = field(default_factory=Counter)
    attributes: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    unfolded: list[bool] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        if tag == "details":
            self.unfolded.append("open" in found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.strays.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.strays.append(data)


def read(text: str) -> Seen:
    seen = Seen()
    seen.feed(text)
    seen.close()
    return seen


def assert_is_sound(seen: Seen) -> None:
    assert not seen.strays
    assert not seen.open
    assert set(seen.tags) <= TAGS
    assert seen.attributes <= ATTRIBUTES
    assert len(seen.ids) == len(set(seen.ids))
    for link in seen.links:
        assert link[1:] in seen.ids if link.startswith("#") else OUTSIDE.fullmatch(link), link


@pytest.mark.parametrize("judge", [strict, careless, blind, refused, inconclusive])
def test_every_link_leads_somewhere_and_every_case_is_there(judge: samples.Judge) -> None:
    seen = read(as_html(report(judge)))
    assert_is_sound(seen)
    assert {each for each in seen.ids if each.startswith("case-")} == {f"case-{name}" for name in CASES}
    assert seen.tags["details"] == len(CASES)
    assert {f"#case-{name}" for name in CASES} <= set(seen.links)


@given(samples.hostile_reports())
def test_nothing_that_was_said_becomes_markup(hostile: Report) -> None:
    seen = read(as_html(hostile))
    assert_is_sound(seen)
    assert seen.tags["details"] == len(hostile.findings) + len(hostile.unserved)
    assert all(line.isprintable() for text in seen.text for line in text.split("\n"))


def test_the_words_are_shown_as_they_were_said() -> None:
    nasty = [word for word in samples.NASTY if word.isprintable() and word.strip()]
    for word in nasty:
        seen = read(as_html(report(strict, [CASES["good"]], client=word, unserved=())))
        assert word in seen.text


def test_what_is_otherwise_is_unfolded_and_comes_first() -> None:
    given = report(careless)
    wrong = sum(each.is_wrong for each in given.findings)
    seen = read(as_html(given))
    assert seen.unfolded == [True] * wrong + [False] * (len(CASES) - wrong)
    headings = [each for each in seen.ids if not each.startswith("case-")]
    assert headings == ["defects", "counts", "glance", "otherwise", "undecided", "strict", "unserved"]


def test_it_tells_of_each_defect_and_its_fix_before_the_grade() -> None:
    text = " ".join(read(as_html(report(blind))).text)
    assert text.index("It accepts any certificate.") < text.index("Remove --insecure (-k)") < text.index("At a glance")
    assert "What is wrong" not in " ".join(read(as_html(report(strict))).text)


def test_a_client_that_refuses_everything_gets_neither_grade_nor_praise() -> None:
    page = as_html(report(refused))
    assert "Inconclusive: this client does not accept the valid certificate" in page
    assert "✓</span>" not in page
    assert 'class="grade ' not in page


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    page = as_html(report(strict))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert ' style="' not in page


def test_a_megabyte_is_cut_where_a_client_said_it() -> None:
    page = as_html(endless(100_000))
    assert "[and 96000 more characters]" in page
