"""The lab's index in a real browser that trusts the lab. Falsehood caught: a page that nobody can use, or that lies.

The browser is Chromium with the lab's authority in a certificate database of its own; it asks nobody but this machine.
"""

import html
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run, tool
from tests.peers.support import Background
from tlsdemo.lab.client import fill
from tlsdemo.lab.presets import PRESETS

CHROMIUM = PRESETS["chromium"]
SIDEWAYS = """
<script>
addEventListener("load", () => {
  const found = {wide: document.documentElement.scrollWidth > innerWidth, width: innerWidth, untabbable: 0};
  const links = [...document.querySelectorAll("a")];
  for (const link of links) {
    link.focus();
    if (document.activeElement !== link) found.untabbable += 1;
  }
  found.links = links.length;
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""


@dataclass(frozen=True)
class Browser:
    """Chromium, before a lab that it trusts."""

    home: Path
    index: Mapping[str, Any]

    def browse(self, url: str, *options: str) -> str:
        """What it shows there; of an error page it tells only the name, on stderr."""
        values = {"url": url, "dir": str(self.home), "port": "0", "ca": self.index["ca_file"]}
        command = [fill(word, values) for word in CHROMIUM.command]
        done = run(*command[:-1], *options, command[-1], env=environment(self.home))
        return done.stdout or done.stderr

    def case(self, name: str) -> Mapping[str, Any]:
        """What the lab says of it."""
        return next(each for each in self.index["cases"] if name in (each["case"], *each["aliases"]))

    def by_name(self, name: str) -> str:
        """Its address on the port that chooses."""
        return f"https://{name}.localhost:{self.index['sni_port']}/"


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tool("chromium")
    tool("certutil")
    home = tmp_path_factory.mktemp("home")
    lab = Background(sys.executable, "-m", "tlsdemo", "lab", "--json")
    try:
        index = json.loads(lab.wait_for("schema").string)
        for step in CHROMIUM.prepare:
            words = (fill(word, {"dir": str(home), "ca": index["ca_file"]}) for word in step)
            assert run(*words, env=environment(home)).returncode == 0
        yield Browser(home, index)
        lab.end()
    finally:
        lab.kill()


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style.*?</style>", "", page))).split())


def entry(page: str, case: str) -> str:
    """What the index says of a case."""
    place = re.search(rf'<li id="{case}"(.*?)</li>', page, re.DOTALL)
    assert place, case
    return text(place[1])


def test_the_index_shows_every_case_with_its_clause_and_what_a_strict_client_does(browser: Browser) -> None:
    page = browser.browse(browser.index["index_url"])
    for each in browser.index["cases"]:
        shown = entry(page, each["case"])
        assert each["wrong"] in shown
        assert each["clause"] in shown
        assert {"accept": "accept it", "reject": "refuse it"}[each["expect"]] in shown
        if each["port"] is None:
            assert f"Cannot be served here: {each['reason']}" in shown
        else:
            assert f"https://{each['host']}:{each['port']}/" in page


def test_an_expired_certificate_is_an_error_page(browser: Browser) -> None:
    assert "ERR_CERT_DATE_INVALID" in browser.browse(browser.by_name("expired"))
    assert "ERR_CERT_COMMON_NAME_INVALID" in browser.browse(browser.by_name("wrong.host"))
    assert "ERR_CERT_AUTHORITY_INVALID" in browser.browse(browser.by_name("self-signed"))


def test_a_good_one_is_none(browser: Browser) -> None:
    assert "tlsdemo: the server's answer" in browser.browse(browser.by_name("good"))


def test_the_index_counts_what_this_browser_has_taken_for_good(browser: Browser) -> None:
    port = browser.case("no-sct")["port"]
    assert "accepted by your client" not in entry(browser.browse(browser.index["index_url"]), "no-sct")
    browser.browse(f"https://localhost:{port}/")
    assert "accepted by your client" in entry(browser.browse(browser.index["index_url"]), "no-sct")
    other = browser.browse(browser.index["index_url"], "--user-agent=somebody else")
    assert "accepted by your client" not in entry(other, "no-sct")


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_the_index_does_not_scroll_sideways_and_every_link_takes_the_focus(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    """Asked in a copy without its policy, which allows no script; in a frame, since no window is so narrow."""
    page = browser.browse(browser.index["index_url"]).replace("</main>", f"</main>{SIDEWAYS}", 1)
    copy, around = tmp_path / "index.html", tmp_path / "frame.html"
    copy.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", page), encoding="utf-8")
    listen = "<script>addEventListener('message', event => document.title = event.data)</script>"
    around.write_text(f"<title></title>{listen}<iframe width={width} height=900 src={copy.as_uri()}></iframe>")
    title = re.search(r"<title>(.*?)</title>", browser.browse(around.as_uri(), "--virtual-time-budget=5000"))
    assert title
    found = json.loads(html.unescape(title[1]))
    assert found["width"] == width
    assert found["links"] > 250
    assert found["untabbable"] == 0
    assert not found["wide"]
