"""The page of the comparison in a real browser. Falsehood caught: a page that breaks its own policy, or asks out."""

import html
import json
import re
from pathlib import Path

import pytest

from tests.conftest import run, tool
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.matrix import Matrix, measure
from tlsdemo.attack.real_world import world
from tlsdemo.compare.page import as_page
from tlsdemo.compare.protocols import find

HOSTILE = "<img src=http://evil.example/x onerror=alert(1)>"
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--enable-logging=stderr",
)  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Matrix:
    return measure([find("ca"), find("ca without integrity"), find("tls")], world, [BY_ID["bit-flip"]])


@pytest.fixture
def page(small: Matrix, tmp_path: Path) -> Path:
    path = tmp_path / "matrix.html"
    path.write_text(as_page(small, [("", HOSTILE), ("tls", "1")], HOSTILE), encoding="utf-8")
    return path


def browse(address: str, folder: Path, *options: str) -> tuple[str, str]:
    """What the browser made of it, and what it had to say."""
    shown = run(tool("chromium"), *QUIET, f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom", address)
    return shown.stdout, shown.stderr


def test_a_browser_shows_every_duel_complains_of_nothing_and_asks_nobody(page: Path, tmp_path: Path) -> None:
    log = tmp_path / "net.json"
    shown, said = browse(f"{page.as_uri()}#d-1-0", tmp_path, f"--log-net-log={log}")
    assert len(re.findall(r'<td class="[a-z ]+"><a id="c-', shown)) == 3
    assert "PAY 9100" in shown
    assert shown.count('<ol class="seq"') == 3
    assert "<img" not in shown
    assert not re.search(r"CONSOLE|Content Security Policy", said), said
    asked = {
        event["params"]["url"]
        for event in json.loads(log.read_text())["events"]
        if str(event.get("params", {}).get("url", "")).startswith("http")
    }
    assert not {address for address in asked if "evil.example" in address}


def test_control_a_page_that_breaks_its_policy_is_heard(page: Path, tmp_path: Path) -> None:
    broken = page.read_text(encoding="utf-8").replace("</main>", "</main><script>1</script>")
    page.write_text(broken, encoding="utf-8")
    _, said = browse(page.as_uri(), tmp_path)
    assert "Content Security Policy" in said


PROBE = """
<script>
addEventListener("load", () => {
  const links = [...document.querySelectorAll("td a")];
  const found = {wide: document.documentElement.scrollWidth > innerWidth, width: innerWidth, untabbable: 0, hidden: []};
  for (const link of links) {
    location.hash = "";  // back in the matrix: a conversation hides it
    link.focus();
    if (document.activeElement !== link) found.untabbable += 1;
    location.hash = link.hash;
    const target = document.getElementById(link.hash.slice(1));
    if (!target || !target.getClientRects().length) found.hidden.push(link.hash);
  }
  found.links = links.length;
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_every_cell_is_reached_by_keyboard_and_the_page_does_not_scroll_sideways(
    page: Path, tmp_path: Path, width: int
) -> None:
    """Asked in a copy without its policy, which allows no script; in a frame, since no window is so narrow."""
    text = page.read_text(encoding="utf-8").replace("</main>", f"</main>{PROBE}", 1)
    page.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", text), encoding="utf-8")
    around = tmp_path / "frame.html"
    listen = "<script>addEventListener('message', event => document.title = event.data)</script>"
    around.write_text(f"<title></title>{listen}<iframe width={width} height=900 src={page.as_uri()}></iframe>")
    shown, _ = browse(around.as_uri(), tmp_path, "--virtual-time-budget=5000")
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title
    found = json.loads(html.unescape(title[1]))
    assert found["width"] == width
    assert found["links"] == 3
    assert found["untabbable"] == 0
    assert found["hidden"] == []
    assert not found["wide"], found
