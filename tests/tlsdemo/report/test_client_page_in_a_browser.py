"""The page of one client in Chromium. Falsehood caught: a page that asks out, scrolls sideways, or hides what is asked.

What is asked of it by script is asked in a copy without its policy, which allows none.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.peers.test_page_of_the_matrix import browse
from tests.tlsdemo.report.samples import CASES, NASTY, blind, careless, report
from tlsdemo.findings import CaseWords, Finding
from tlsdemo.report.client_page import as_html


def rude(case: CaseWords) -> Finding:
    found = careless(case)
    return Finding(case, found.verdict, " ".join(NASTY), "\n".join([*NASTY, "w" * 3000]), found.alert, 0)


@pytest.fixture(params=[careless, blind, rude], ids=lambda judge: judge.__name__)
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "client.html"
    client = " ".join((*NASTY, "v" * 300)) if request.param is rude else "curl -sS {url}"
    path.write_text(as_html(report(request.param, client=client)), encoding="utf-8")
    return path


def ask(page: Path, width: int, script: str, *options: str, address: str = "") -> Any:
    """What a script in the page answers; in a frame, since no window is so narrow."""
    probe = f"<script>addEventListener('load', () => {{ {script} }})</script>"
    text = page.read_text(encoding="utf-8").replace("</main>", f"</main>{probe}", 1)
    page.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", text), encoding="utf-8")
    around = page.parent / "frame.html"
    listen = "<script>addEventListener('message', event => document.title = event.data)</script>"
    frame = f"<iframe width={width} height=900 src={page.as_uri()}{address}></iframe>"
    around.write_text(f"<title></title>{listen}{frame}")
    shown, said = browse(around.as_uri(), page.parent, "--virtual-time-budget=5000", *options)
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title and title[1], said
    return json.loads(html.unescape(title[1]))


ANSWER = "parent.postMessage(JSON.stringify(found), '*');"


def test_a_browser_reports_no_error_and_sends_no_request(page: Path, tmp_path: Path) -> None:
    log = tmp_path / "net.json"
    shown, said = browse(f"{page.as_uri()}#case-good", tmp_path, f"--log-net-log={log}")
    assert shown.count("<details") == len(CASES)
    assert "<img" not in shown
    assert "<script" not in shown
    assert not re.search(r"CONSOLE|Content Security Policy", said), said
    asked = {
        str(event.get("params", {}).get("url", "")) for event in json.loads(log.read_text(errors="replace"))["events"]
    }
    outside = "evil.example", "rfc-editor.org", "cve.org"
    assert not {url for url in asked if url.startswith("http") and any(each in url for each in outside)}


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_every_link_unfolds_what_it_leads_to_and_nothing_scrolls_sideways(page: Path, width: int) -> None:
    script = """
    const found = {width: innerWidth, wide: [], untabbable: 0, hidden: [], links: 0};
    for (const link of document.querySelectorAll('a[href^="#"], summary')) {
      link.closest('details')?.setAttribute('open', '');
      link.focus();
      if (document.activeElement !== link) found.untabbable += 1;
    }
    document.querySelectorAll('details').forEach(each => each.removeAttribute('open'));
    for (const link of document.querySelectorAll('.map a')) {
      found.links += 1;
      location.hash = link.hash;
      const target = document.getElementById(link.hash.slice(1));
      if (!target.closest('details').open || !target.checkVisibility()) found.hidden.push(link.hash);
    }
    if (document.documentElement.scrollWidth > innerWidth) found.wide =
      [...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth)
        .map(each => each.className + ' ' + each.tagName).slice(0, 9);
    """
    found = ask(page, width, script + ANSWER)
    assert found == {"width": width, "wide": [], "untabbable": 0, "hidden": [], "links": len(CASES)}


def test_an_address_that_names_a_folded_case_shows_it(tmp_path: Path) -> None:
    page = tmp_path / "client.html"
    page.write_text(as_html(report(careless)), encoding="utf-8")
    script = """
    setTimeout(() => {
      const box = document.getElementById('case-expired').getBoundingClientRect();
      const found = {open: document.getElementById('case-expired').closest('details').open,
                     seen: box.top >= 0 && box.top < innerHeight};
      ANSWER
    }, 500);
    """.replace("ANSWER", ANSWER)
    assert ask(page, 800, script, address="#case-expired") == {"open": True, "seen": True}


@pytest.mark.parametrize(("medium", "hidden"), [("print", True), ("all", False)])
def test_what_is_printed_is_unfolded(tmp_path: Path, medium: str, hidden: bool) -> None:
    """The rules for paper, applied to the screen; as they are, the screen hides what is folded."""
    page = tmp_path / "client.html"
    page.write_text(as_html(report(careless)).replace("@media print", f"@media {medium}"), encoding="utf-8")
    script = """
    const folded = [...document.querySelectorAll('details:not([open]) > div')];
    const found = {folded: folded.length, hidden: folded.filter(each => !each.checkVisibility()).length};
    """
    found = ask(page, 800, script + ANSWER)
    assert found["folded"] > 50
    assert found["hidden"] == (found["folded"] if hidden else 0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_can_be_read_in_light_and_in_dark(page: Path, dark: bool) -> None:
    """Contrast of every text against what is behind it, as WCAG 2.2 §1.4.3 reckons it: at least 4.5."""
    script = """
    const channel = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => .2126 * channel(r / 255) + .7152 * channel(g / 255) + .0722 * channel(b / 255);
    const behind = each => {
      for (; each; each = each.parentElement) {
        const colour = numbers(getComputedStyle(each).backgroundColor);
        if (colour.length === 3 || colour[3] > 0) return colour;
      }
      return [255, 255, 255];
    };
    document.querySelectorAll('details').forEach(each => each.setAttribute('open', ''));
    const found = {dark: matchMedia('(prefers-color-scheme: dark)').matches, poor: {}, texts: 0};
    for (const each of document.querySelectorAll('main *')) {
      if (![...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
      const [one, other] = [light(numbers(getComputedStyle(each).color)), light(behind(each))];
      const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
      found.texts += 1;
      if (ratio < 4.5) found.poor[each.tagName + '.' + each.className] = ratio;
    }
    """
    found = ask(page, 800, script + ANSWER, f"--blink-settings=preferredColorScheme={0 if dark else 1}")
    assert found["dark"] == dark
    assert found["texts"] > 500
    assert found["poor"] == {}
