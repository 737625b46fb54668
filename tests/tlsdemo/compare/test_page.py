"""The page of the whole matrix. Falsehood caught: a conversation under the wrong cell, a text that is lost or repeated,
a matrix of which a reader with a narrow window sees a part and does not notice.

What is asked by script is asked in a copy without the page's policy, which allows no script.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.test_page_of_the_matrix import browse
from tlsdemo.attack.catalogue import BY_ID
from tlsdemo.attack.matrix import CellResult, Matrix, measure
from tlsdemo.attack.real_world import world as world_of
from tlsdemo.compare import story
from tlsdemo.compare.page import SECRET, as_page
from tlsdemo.compare.protocols import find, sentence
from tlsdemo.protocol import Protection
from tlsdemo.report.sequence import Arrow, Event, Lane, Mark, Note
from tlsdemo.report.sequence_html import LEGEND, as_list

PRICES = [("", "bytes"), *((f"row {number}", "1234/5678") for number in range(34))]


@pytest.fixture(scope="module")
def page(matrix: Matrix) -> str:
    return as_page(matrix, PRICES, "Run on a day.")


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def told(page: str) -> Iterator[tuple[str, list[str], str]]:
    """For each group of equal cells: the attack, the names of the protocols, and the text that they share."""
    for attack in page.split('<div class="attack">')[1:]:
        name = re.search(r"<h2>(.*?)</h2>", attack)
        assert name
        for group in attack.split('<div class="duel">')[1:]:
            yield name[1], re.findall(r"<h3>on (.*?)</h3>", group), group.split('<div class="told">')[1]


# What it says -------------------------------------------------------------------------------------------------------


def test_the_page_of_the_whole_matrix_is_smaller_than_a_megabyte(page: str) -> None:
    assert len(page.encode()) < 1_000_000


def test_each_cell_has_its_own_conversation_and_result(page: str, matrix: Matrix) -> None:
    texts = {(attack, name): text_of(markup) for attack, names, markup in told(page) for name in names}
    assert len(texts) == len(matrix.trials)
    for attack in matrix.attacks:
        for protocol in matrix.protocols:
            trial, shown = matrix[attack, protocol], texts[attack.id, protocol.name]
            assert shown.startswith(f"{matrix.verdict(attack, protocol).sign} {matrix.verdict(attack, protocol).word}")
            expected = [story.why(trial), *story.steps(trial)]
            expected += [each.text if isinstance(each, Note) else each.label for each in story.events(trial)]
            expected += [trial.damage.sentence] if trial.damage else []
            for text in (" ".join(each.split()) for each in expected):
                assert (text if trial.damage else SECRET.sub("…", text)) in shown, (attack.id, protocol.name)


def test_equal_conversations_are_written_once_and_name_all_their_protocols(page: str) -> None:
    found = [(attack, markup) for attack, _, markup in told(page)]
    assert len(found) == len(set(found))
    shared = [(names, markup) for _, names, markup in told(page) if len(names) > 1]
    assert shared
    for names, markup in shared:
        assert f"The result and the messages are the same on {', '.join(names)}." in markup


def test_the_secret_stands_where_the_attack_succeeded_and_is_left_out_where_it_failed(page: str) -> None:
    for attack, names, markup in told(page):
        if 'class="outcome broken"' not in markup:
            assert not SECRET.search(markup), (attack, names)
    read = [markup for _, _, markup in told(page) if "succeeds: the attacker read" in markup]
    assert read and all(SECRET.search(markup) for markup in read)
    assert "Where the attack failed, pin=… stands for the secret of that run." in text_of(page)


def test_the_first_lines_say_what_the_page_is_and_each_result_is_defined_once(page: str, matrix: Matrix) -> None:
    title = re.search(r"<title>(.*?)</title>", page)
    assert title and "attacks" in title[1] and "tlsdemo compare" in title[1]
    before, _, after = text_of(page).partition("The matrix: attacks on protocols")
    assert f"ran {len(matrix.attacks)} attacks on {len(matrix.protocols)} protocols" in before
    assert "All predictions were right." in before
    for result in CellResult:
        meaning = f"{result.sign} {result.word} {result.meaning} ({matrix.counts[result]} of {len(matrix.trials)})."
        assert meaning in before
        assert result.meaning not in after


def test_every_protocol_and_protection_is_explained(page: str, matrix: Matrix) -> None:
    text = text_of(page)
    for protocol in matrix.protocols:
        assert f"{protocol.name} {sentence(protocol)}" in text
    for protection in Protection:
        assert f"{protection.readable} {protection.meaning} ({protection.section})" in text


def test_one_attack_on_one_protocol_makes_a_page_too() -> None:
    text = text_of(as_page(measure([find("plain")], world_of, [BY_ID["eavesdropper"]]), PRICES, "now"))
    assert "ran 1 attack on 1 protocol." in text
    assert "The result and the messages are the same" not in text


HOSTILE = "</ol><img src=x onerror=alert(1)>&\x1b[2J\u202e"


@pytest.mark.parametrize("mark", Mark)
def test_text_in_a_drawing_is_escaped_and_its_mark_is_drawn_and_explained(mark: Mark, page: str) -> None:
    events: list[Event] = [Arrow(Lane.CLIENT, Lane.ATTACKER, HOSTILE, mark), Note(Lane.SERVER, HOSTILE)]
    drawn = as_list(events)
    assert "<img" not in drawn and drawn.count("</ol>") == 1
    assert not set("\x1b\u202e") & set(drawn)
    if mark is not Mark.PLAIN:
        assert mark.value in LEGEND
        assert f".seq .{mark.name.lower()} {{" in page
        assert f'<li class="ca {mark.name.lower()}">' in drawn


# How it looks in a browser ------------------------------------------------------------------------------------------


MANY_LINKS = "--disable-ipc-flooding-protection"
"""Without it, Chromium follows 200 links in ten seconds and ignores the others."""


def ask(page: str, folder: Path, width: int, script: str, height: int = 900) -> Any:
    """What a script in the page answers; in a frame, since no window is so narrow."""
    probe = f"<script>addEventListener('load', () => {{ {script} }})</script></body>"
    path = folder / "matrix.html"
    path.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", page).replace("</body>", probe), encoding="utf-8")
    around = folder / "frame.html"
    listen = "<script>addEventListener('message', event => document.title = event.data)</script>"
    around.write_text(f"<title></title>{listen}<iframe width={width} height={height} src={path.as_uri()}></iframe>")
    shown, said = browse(around.as_uri(), folder, "--virtual-time-budget=20000", MANY_LINKS)
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title and title[1], said
    return json.loads(html.unescape(title[1]))


HELPERS = """
const within = box => box.width > 4 && box.left >= 0 && box.right <= innerWidth + .5;
const onScreen = box => within(box) && box.top >= -.5 && box.bottom <= innerHeight + .5;
const touched = box => box.width >= 24 && box.height >= 24;  // WCAG 2.5.8
const drawn = each => each.getClientRects().length > 0 && getComputedStyle(each).clipPath === 'none';
const sideways = () => document.documentElement.scrollWidth > innerWidth;
const answer = found => parent.postMessage(JSON.stringify(found), '*');
"""

HEADINGS = f"""{HELPERS}
const attacks = [...document.querySelectorAll('.matrix thead th')];
const found = {{cells: 0, inTable: 0, inBlocks: 0, lost: [], width: innerWidth, sideways: sideways()}};
for (const row of document.querySelectorAll('.matrix tr[id]')) {{
  const protocol = row.querySelector('th a');
  row.querySelectorAll('td a').forEach((cell, place) => {{
    cell.scrollIntoView({{block: 'nearest'}});
    const name = cell.querySelector('span'), box = cell.getBoundingClientRect();
    const heading = attacks[place], top = heading.getBoundingClientRect();
    const below = drawn(heading) && onScreen(top) && top.bottom <= box.top + 1
      && top.left <= box.left + 1 && top.right >= box.right - 1;
    const beside = drawn(name) && onScreen(name.getBoundingClientRect());
    const named = onScreen(protocol.getBoundingClientRect())
      && (!beside || drawn(protocol.querySelector('span')));
    const right = name.firstChild.data === heading.textContent;
    found.cells += 1;
    found.inTable += below;
    found.inBlocks += beside;
    if (!(onScreen(box) && touched(box) && named && right && below !== beside)) found.lost.push(cell.id);
  }});
}}
answer(found);
"""


@pytest.mark.parametrize(
    ("width", "form"),
    [(320, "inBlocks"), (400, "inBlocks"), (768, "inBlocks"), (769, "inTable"), (800, "inTable"), (1400, "inTable")],
)
def test_each_cell_and_the_names_of_its_attack_and_protocol_are_on_the_screen_together(
    page: str, matrix: Matrix, tmp_path: Path, width: int, form: str
) -> None:
    found = ask(page, tmp_path, width, HEADINGS)
    assert found["width"] == width
    assert found["lost"] == []
    assert found["cells"] == found[form] == len(matrix.trials)
    assert not found["sideways"]


def test_control_a_matrix_without_room_for_its_columns_is_noticed(page: str, tmp_path: Path) -> None:
    found = ask(page.replace("@media screen and (max-width: 48em)", "@media not all"), tmp_path, 400, HEADINGS)
    assert found["lost"]
    assert found["inBlocks"] == 0


TOLD = f"""{HELPERS}
const found = {{links: 0, wrong: [], sideways: [], letters: 99}};
const cells = [...document.querySelectorAll('.matrix td a')].filter((_, place) => place % 7 === 0);
const next = () => {{
  const cell = cells.shift();
  if (!cell) return answer(found);
  found.links += 1;
  location.hash = cell.hash;
  const target = document.querySelector(':target'), told = target.parentElement.querySelector('.told');
  const shown = [...document.querySelectorAll('.told, .duels section')].filter(drawn);
  const back = target.querySelector('a'), about = target.closest('.attack').querySelector('.about');
  const alone = shown.length === 2 && shown.includes(told) && shown.includes(target);
  const kept = back.hash === '#' + cell.id && onScreen(back.getBoundingClientRect());
  const first = drawn(about) && onScreen(about.querySelector('h2').getBoundingClientRect());
  if (!alone || !kept || !first || drawn(document.querySelector('main'))) found.wrong.push(cell.hash);
  if (sideways()) found.sideways.push(cell.hash);
  for (const item of told.querySelectorAll('.seq li')) {{
    if (!within(item.getBoundingClientRect())) found.wrong.push(cell.hash);
    found.letters = Math.min(found.letters, parseFloat(getComputedStyle(item).fontSize));
  }}
  location.hash = back.hash;
  if (document.activeElement !== cell || !onScreen(cell.getBoundingClientRect())) found.wrong.push(back.hash);
  setTimeout(next);
}};
next();
"""


@pytest.mark.parametrize("width", [400, 800])
def test_a_cell_leads_to_its_conversation_alone_and_back_to_the_cell(
    page: str, matrix: Matrix, tmp_path: Path, width: int
) -> None:
    found = ask(page, tmp_path, width, TOLD)
    assert found["wrong"] == []
    assert found["sideways"] == []
    assert found["links"] == -(-len(matrix.trials) // 7)  # in 22 columns, every 7th cell is of every attack
    assert found["letters"] >= 12
