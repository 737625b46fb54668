"""The page of an explained conversation. Falsehood caught: a byte or a field that is missing or not reached by its
link, text from the wire that becomes markup, a secret that the eavesdropper is shown, a page that sends a request or
scrolls sideways.

What is asked by script is asked in a copy without the page's policy, which allows no other script.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pki import Credential
from pki.errors import printable
from tests.conftest import tlsdemo
from tests.peers.test_page_of_the_matrix import browse
from tests.tlsdemo.explain import parties
from tests.tlsdemo.explain.tap import Tap
from tests.tlsdemo.explain.test_conversation import Chunks, read
from tests.tlsdemo.tls13.parties import party
from tlsdemo.conversation import converse
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.conversation import Explanation, Kind, explain
from tlsdemo.explain.rows import flat
from tlsdemo.protocol import Protection, Side
from tlsdemo.report import html as page_html
from tlsdemo.report.explain_page import BEGINNING, LONGEST, shown_of_data
from tlsdemo.report.hex_pane import pane
from tlsdemo.tls13.protocol import ALL, tls13
from tlsdemo.wire import key_log

NOW = datetime.now(UTC)
LINE = b"PAY 100 to bob\n"
WEB = ALL - {Protection.CLIENT_IDENTITY, Protection.REVOCATION}
CARELESS = WEB - {Protection.CHAIN, Protection.NAME, Protection.VALIDITY}

MARKUP = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>"
CONTROLS = "\x1b[2J\u202e\x00"
HOSTILE = f'{MARKUP}{CONTROLS}" onmouseover="alert(1)'


def talk(*lines: bytes, credential: Credential | None = None, claims: frozenset[Protection] = WEB) -> Explanation:
    """A conversation of our TLS 1.3 with a hybrid key share and a chain of two certificates; the client sends lines."""
    log: list[str] = []
    protocol = tls13(claims, log=lambda *entry: log.append(key_log.line(*entry)))
    server = party(Side.SERVER)
    tap = Tap(protocol.client(party(Side.CLIENT)), lambda: 0.0)
    converse(
        tap,
        protocol.server(replace(server, credential=credential) if credential else server),
        lines=[(Side.CLIENT, line) for line in lines],
    )
    return explain(tap.chunks, key_log.parse("\n".join(log)), NOW)


@pytest.fixture(scope="module")
def usual() -> Explanation:
    return talk(LINE)


@pytest.fixture(scope="module")
def page(usual: Explanation) -> str:
    return as_page([("client to server", usual)], "Made on a day.")


def hostile_credential() -> Credential:
    """A self-signed certificate with markup and control characters in its names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{MARKUP[:40]}\x1b[2J")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - timedelta(1), NOW + timedelta(1))
    names = x509.SubjectAlternativeName([x509.DNSName(HOSTILE.encode("ascii", "ignore").decode())])
    return Credential(key, builder.add_extension(names, critical=False).sign(key, hashes.SHA256()))


@pytest.fixture(scope="module")
def hostile() -> str:
    told = talk(HOSTILE.encode(), credential=hostile_credential(), claims=CARELESS)
    refused = talk(credential=hostile_credential())
    assert not told.ending.failed
    assert refused.ending.failed
    return as_page([(HOSTILE, replace(told, problems=(HOSTILE,))), ("refused", refused)], HOSTILE)


# What it says -------------------------------------------------------------------------------------------------------

VOID = {"meta", "input", "rect", "br"}
OPTIONAL = {"td", "tr"}


@dataclass
class Document(HTMLParser):
    """The elements of a page: ids, links, attributes of scripts; raises AssertionError if a tag is not closed."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.ids += [value or ""] if name == "id" else []
            self.links += [value or ""] if name in ("href", "src") else []
        if tag not in VOID | OPTIONAL:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID | OPTIONAL:
            assert self.stack.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.texts.append(data)


def parsed(text: str) -> Document:
    document = Document()
    document.feed(text)
    document.close()
    assert document.stack == []
    return document


def test_the_page_is_well_formed_and_every_link_in_it_leads_to_one_element(page: str) -> None:
    document = parsed(page)
    assert len(document.ids) == len(set(document.ids))
    assert document.links
    assert {link[:1] for link in document.links} == {"#"}
    assert {link[1:] for link in document.links} <= set(document.ids)


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    style, script = re.search("<style>(.*?)</style>", page, re.DOTALL), re.search("<script>(.*?)</script>", page, re.S)
    assert policy and style and script
    digests = [base64.b64encode(hashlib.sha256(each[1].encode()).digest()).decode() for each in (style, script)]
    expected = f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'"
    assert html.unescape(policy[1]) == expected
    document = parsed(page)
    assert not {each for each in document.attributes if each.startswith("on") or each == "style"}
    assert document.tags.count("script") == 1


def test_every_field_has_an_id_its_offset_name_and_value(page: str, usual: Explanation) -> None:
    ids = set(parsed(page).ids)
    text = html.unescape(re.sub("<[^>]*>", "", page))
    entries = [entry for entry in usual.entries if entry.kind not in (Kind.RECORD, Kind.KEYS)]
    assert len(entries) > 9
    for number, entry in enumerate(entries, start=1):
        assert entry.title in text
        for place, row in enumerate(flat(entry.rows)):
            assert f"m{number}-f{place}" in ids
            if not row.value.startswith('"'):
                assert f"{row.start}{row.name} {row.value}" in text
    records = [entry for entry in usual.entries if entry.kind is Kind.RECORD]
    assert {f"r{number}-f0" for number in range(1, len(records) + 1)} <= ids


def test_every_byte_of_a_message_is_shown_once_beside_its_fields(page: str, usual: Explanation) -> None:
    document = page.split('<details class="content')[1:]
    entries = [entry for entry in usual.entries if entry.kind not in (Kind.RECORD, Kind.KEYS)]
    assert len(document) == len(entries)
    for markup, entry in zip(document, entries, strict=True):
        if entry.kind is not Kind.DATA:
            shown = re.search('<pre class="hex">(.*?)</pre>', markup, re.DOTALL)
            assert shown
            digits = re.sub("<i>.*?</i>", "", shown[1])
            assert re.sub(r"<[^>]*>|\s", "", digits) == entry.data.hex()


def test_the_elements_of_each_certificate_are_folded(page: str, usual: Explanation) -> None:
    found = [row for entry in usual.entries for row in entry.rows if row.inside]
    assert len(found) == 2
    titles = re.findall(r'<details class="elements">\s*<summary>(.*?)</summary>', page)
    assert titles == [
        f"certificate {number}: {len(row.inside)} DER elements" for number, row in enumerate(found, start=1)
    ]


@dataclass(frozen=True)
class Span:
    start: int
    end: int


def test_a_row_has_16_bytes_and_a_field_that_goes_on_has_one_id() -> None:
    markup = str(pane(bytes(range(40)), [Span(0, 3), Span(3, 35)], "m1", 100))
    lines = re.sub("<[^>]*>", "", markup).splitlines()
    assert [line.split()[0] for line in lines] == ["0", "16", "32"]
    assert [len(line.split()) - 1 for line in lines] == [16, 16, 8]
    assert re.findall(r"id=(\S+)", markup) == ["m1-b0", "m1-b1"]
    assert re.findall(r"data-f=(\d)", markup) == ["0", "1", "1", "1"]
    assert lines[2].endswith("23 24 25 26 27")


def test_each_key_leads_to_every_record_that_it_protects_and_each_of_these_back(page: str) -> None:
    tree = page.split('<ul class="keys">')[1].split("<h2")[0]
    protected = set(re.findall(r'href="#(r\d+)"', tree))
    records = dict(re.findall(r'<li class="record \w+" id="(r\d+)">(.*?)<svg', page, re.DOTALL))
    assert protected == {name for name, head in records.items() if "encrypted with" in re.sub("<.*?>", "", head)}
    assert all(re.search(r'href="#k\d+"', records[name]) for name in protected)
    names = re.findall(r"<strong>(.*?)</strong>", tree)
    assert names.index("handshake secret") < names.index("SERVER_HANDSHAKE_TRAFFIC_SECRET")
    assert names.index("SERVER_HANDSHAKE_TRAFFIC_SECRET") < names.index("master secret")
    assert names.index("master secret") < names.index("SERVER_TRAFFIC_SECRET_0")


def test_the_tree_begins_at_the_shared_secret_if_it_is_known() -> None:
    told = parties.talk(lambda: ec.generate_private_key(ec.SECP256R1()))
    page = as_page([("", told)], "")
    tree = page.split('<ul class="keys">')[1].split("<h2")[0]
    (schedule,) = [entry for entry in told.entries if entry.kind is Kind.KEYS and not entry.secret]
    names = re.findall(r"<strong>(.*?)</strong>", tree)
    assert names[:3] == ["shared secret", "early secret", "handshake secret"]
    assert "not in the key log" not in tree
    for derived in schedule.derived:
        assert tree.count(derived.value.hex()) == 1
    assert len(schedule.checks) == 4
    for check in schedule.checks:
        assert f"✓ checked: {html.escape(check.sentence).replace('&quot;', '&#34;')}" in tree


def test_the_first_lines_say_version_suite_explained_bytes_and_ending(page: str, usual: Explanation) -> None:
    assert "The bytes of the alert" not in page
    facts = " ".join(parsed(page.split('<div class="ends"')[0] + "</section></main></body></html>").texts)
    for fact in (usual.version, usual.suite, f"{usual.total:,} of {usual.total:,} bytes", *usual.ending.sentences):
        assert fact in facts
    for sentence in usual.learned:
        assert sentence in facts


def test_a_refusal_is_told_in_words_with_its_hint() -> None:
    told = talk(credential=hostile_credential())
    text = " ".join(parsed(as_page([("", told)], "")).texts)
    assert f"✗ {printable(told.ending.sentences[0])}" in text
    (link,) = re.findall(r'<a href="#(m\d+)">The bytes of the alert</a>', as_page([("", told)], ""))
    alert = [entry for entry in told.entries if entry.kind not in (Kind.RECORD, Kind.KEYS)][int(link[1:]) - 1]
    assert (alert.kind, alert.rows[1].value) == (Kind.ALERT, told.ending.sentences[0].split()[4])
    assert told.ending.hint
    assert f"hint: {printable(told.ending.hint)}" in text


# Hostile text, and secrets ------------------------------------------------------------------------------------------


def test_hostile_text_is_escaped(hostile: str) -> None:
    document = parsed(hostile)
    assert "img" not in document.tags
    assert document.tags.count("script") == 1
    assert {link[:1] for link in document.links} == {"#"}
    assert not set(CONTROLS) - {"[", "2", "J"} & set(hostile)
    text = " ".join(document.texts)
    assert text.count("<script>alert(1)</script>") >= 5
    assert "<img src=http://evil.example/x onerror=alert(1)>" in text


def test_the_page_for_the_attacker_has_no_key_no_plaintext_and_no_switch(usual: Explanation) -> None:
    page = as_page([("", usual)], "", as_attacker=True)
    parsed(page)
    assert LINE.strip().decode() not in page
    assert 'id="attacker"' not in page
    digits = re.sub(r"<i>.*?</i>|<[^>]*>|\s", "", page)
    for entry in usual.entries:
        # Two bytes of an alert can also be among others.
        assert len(entry.decrypted) < 5 or entry.decrypted.hex() not in digits
        assert all(each.value.hex() not in digits for each in entry.derived)
        if entry.kind is Kind.RECORD and entry.hidden:
            assert entry.data.hex() in digits
    assert "_SECRET" not in page


# Its size -----------------------------------------------------------------------------------------------------------


def test_a_usual_conversation_makes_a_small_page(page: str, usual: Explanation) -> None:
    assert 3500 < usual.total < 6000
    assert len(page.encode()) < 250_000


@pytest.mark.parametrize(
    ("size", "said"),
    [(50_000, ("of which the first", "are shown.")), (500, ("records are listed in one line each.",))],
    ids=["one long line", "a hundred short lines"],
)
def test_the_page_stays_below_a_megabyte_with_50_kilobytes_of_data_and_says_what_it_leaves_out(
    size: int, said: tuple[str, ...]
) -> None:
    told = talk(*[b"x" * size] * (50_000 // size))
    page = as_page([("", told)], "")
    assert told.total > 50_000
    assert len(page.encode()) < 1_000_000
    for sentence in said:
        assert sentence in page


def test_long_and_late_application_data_is_only_begun() -> None:
    assert list(shown_of_data([10, 9000, 9000, 100, 9000])) == [10, LONGEST, LONGEST, 100, BEGINNING]


# Other conversations ------------------------------------------------------------------------------------------------

NAMES = [
    "illustrated-tls12", "illustrated-tls13", "python-ssl-tls12", "python-ssl-tls13",
    "rfc8448-helloretryrequest_handshake", "rfc8448-resumed_0rtt_handshake", "rfc8448-simple_1rtt_handshake",
]  # fmt: skip


@pytest.mark.parametrize("with_keys", [True, False], ids=["with keys", "without keys"])
def test_every_capture_makes_a_page_and_all_of_them_make_one(shared_data: Path, with_keys: bool) -> None:
    found = []
    for name in NAMES:
        chunks, keys = read(shared_data / "captures", name)
        found.append((name, explain(chunks, keys if with_keys else None, NOW)))
        parsed(as_page(found[-1:], ""))
    document = parsed(as_page(found, ""))
    assert len(document.ids) == len(set(document.ids))
    assert {link[1:] for link in document.links} <= set(document.ids)


@pytest.mark.parametrize("chunks", [[], [("server", b"HTTP/1.1 400 Bad Request\r\n")], [("client", bytes(7))]])
def test_bytes_that_are_not_tls_make_a_page(chunks: Chunks) -> None:
    parsed(as_page([("", explain(chunks, None, NOW))], ""))


def test_the_command_writes_a_file_for_its_owner_alone_and_replaces_only_its_own(
    shared_data: Path, tmp_path: Path
) -> None:
    capture = shared_data / "captures/python-ssl-tls13"
    command = "explain", "--capture", f"{capture}.pcap", "--keylog", f"{capture}.keys", "--html"
    file, other = tmp_path / "page.html", tmp_path / "notes.txt"
    written = tlsdemo(*command, file)
    assert (written.returncode, written.stdout) == (0, "")
    assert "(mode 0600" in written.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert page_html.is_ours(file.read_bytes())
    assert tlsdemo(*command, file).returncode == 0
    other.write_text("mine")
    assert tlsdemo(*command, other).returncode == 1
    assert other.read_text() == "mine"
    assert tlsdemo(*command, other, "--force").returncode == 0


# In a browser -------------------------------------------------------------------------------------------------------

MANY_LINKS = "--disable-ipc-flooding-protection"
"""Without it, Chromium follows 200 links in ten seconds and ignores the others."""


def without_script(page: str) -> str:
    return re.sub("<script>.*?</script>", "", page, flags=re.DOTALL)


def ask(page: str, folder: Path, width: int, script: str, *options: str, address: str = "") -> Any:
    """What a script in the page answers; in a frame, since no window is so narrow."""
    answer = "const answer = found => parent.postMessage(JSON.stringify(found), '*');"
    probe = f"<script>addEventListener('load', async () => {{ {answer} {script} }})</script></body>"
    path, around = folder / "page.html", folder / "frame.html"
    path.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", page).replace("</body>", probe), encoding="utf-8")
    listen = "<script>addEventListener('message', event => document.title = event.data)</script>"
    frame = f"<iframe width={width} height=900 src={path.as_uri()}{address}></iframe>"
    around.write_text(f"<title></title>{listen}{frame}")
    shown, said = browse(around.as_uri(), folder, "--virtual-time-budget=20000", MANY_LINKS, *options)
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title and title[1], said
    return json.loads(html.unescape(title[1]))


def test_a_browser_reports_no_error_and_sends_no_request(hostile: str, tmp_path: Path) -> None:
    path, log = tmp_path / "page.html", tmp_path / "net.json"
    path.write_text(hostile, encoding="utf-8")
    shown, said = browse(f"{path.as_uri()}#m1-f3", tmp_path, f"--log-net-log={log}")
    assert not re.search(r"CONSOLE|Content Security Policy", said), said
    assert re.search(r'<details class="content[^>]* id="m1" open', shown), "the script did not run"
    events = json.loads(log.read_text(errors="replace"))["events"]
    assert not [each for each in events if "evil.example" in str(each.get("params", {}).get("url", ""))]


def test_control_a_changed_script_is_reported_by_the_browser(page: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page.replace('"use strict";', '"use strict"; alert(1);'), encoding="utf-8")
    _, said = browse(path.as_uri(), tmp_path)
    assert "Content Security Policy" in said


LINKS = """
const found = {width: innerWidth, links: 0, hidden: [], unmarked: [], sideways: []};
const rows = [...document.querySelectorAll('.fields tr')];
for (const row of rows) {
  found.links += 1;
  location.hash = '#' + row.id;
  await new Promise(done => setTimeout(done));
  const box = row.getBoundingClientRect(), on = document.querySelectorAll('.hex .on');
  if (!row.checkVisibility() || box.bottom <= 0 || box.top >= innerHeight) found.hidden.push(row.id);
  const bytes = document.getElementById(row.id.replace('-f', '-b'));
  if (MARKS ? bytes && !bytes.classList.contains('on') : !row.matches(':target')) found.unmarked.push(row.id);
  if (document.documentElement.scrollWidth > innerWidth) found.sideways.push(row.id);
}
answer(found);
"""


@pytest.mark.parametrize(
    ("width", "edit"),
    [(400, str), (1400, str), (800, without_script)],
    ids=["400 pixels", "1400 pixels", "without script"],
)
def test_the_link_of_every_field_opens_its_message_and_marks_it(
    page: str, usual: Explanation, tmp_path: Path, width: int, edit: Callable[[str], str]
) -> None:
    marks = "true" if edit is str else "false"
    found = ask(edit(page), tmp_path, width, LINKS.replace("MARKS", marks))
    fields = sum(len(list(flat(entry.rows))) for entry in usual.entries)
    assert found == {"width": width, "links": fields, "hidden": [], "unmarked": [], "sideways": []}


MARKS = """
const found = {};
const names = () => [...document.querySelectorAll('.on')].map(each => each.id || each.dataset.f).sort();
const message = document.getElementById('m1');
message.open = true;
const over = each => each.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
over(document.getElementById('m1-b3'));
found.of_bytes = names();
over(document.getElementById('m1-f4'));
found.of_field = names();
document.querySelector('#m1-f2 td + td a').focus();
found.of_focus = names();
document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}));
found.of_next = names();
answer(found);
"""


def test_the_pointer_and_the_focus_mark_a_field_and_its_bytes(page: str, tmp_path: Path) -> None:
    found = ask(page, tmp_path, 1400, MARKS)
    assert set(found["of_bytes"]) == {"3", "m1-b3", "m1-f3"}
    assert {"m1-b4", "m1-f4"} <= set(found["of_field"]) <= {"4", "m1-b4", "m1-f4"}
    assert {"m1-b2", "m1-f2"} <= set(found["of_focus"])
    assert {"m1-b3", "m1-f3"} <= set(found["of_next"])
    assert "m1-f2" not in found["of_next"]


def test_the_down_key_enters_the_elements_of_a_certificate_only_if_they_are_unfolded(page: str, tmp_path: Path) -> None:
    script = """
    const elements = document.querySelector('details.elements'), message = elements.closest('details.content');
    message.open = true;
    const rows = [...elements.previousElementSibling.querySelectorAll('tr')];
    const after = () => {
      rows.at(-1).querySelector('td + td a').focus();
      document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}));
      return document.activeElement.closest('details') === elements;
    };
    const folded = after();
    elements.open = true;
    answer([folded, after()]);
    """
    assert ask(page, tmp_path, 1400, script) == [False, True]


READ = """
document.querySelectorAll('details').forEach(each => { each.open = true; });
const found = {width: innerWidth, text: document.body.innerText,
  sideways: document.documentElement.scrollWidth > innerWidth,
  wide: [...document.querySelectorAll('main *')].filter(each => !each.closest('.hex, svg')
    && each.getBoundingClientRect().right > innerWidth).map(each => each.className + ' ' + each.tagName).slice(0, 9)};
answer(found);
"""


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_the_open_page_does_not_scroll_sideways_also_with_hostile_text(
    hostile: str, tmp_path: Path, width: int
) -> None:
    found = ask(hostile, tmp_path, width, READ)
    assert (found["width"], found["sideways"], found["wide"]) == (width, False, [])


def test_the_whole_page_is_readable_without_its_script(page: str, usual: Explanation, tmp_path: Path) -> None:
    text = ask(without_script(page), tmp_path, 800, READ)["text"]
    assert "Open all" not in text
    for entry in usual.entries:
        assert entry.kind is Kind.KEYS or entry.title.partition(",")[0] in text
        for row in flat(entry.rows):
            assert row.name in text
        for derived in entry.derived:
            assert derived.value.hex() in text
    assert LINE.strip().decode() in text


ATTACKER = """
document.querySelectorAll('details').forEach(each => { each.open = true; });
const before = document.body.innerText;
document.getElementById('attacker').click();
answer({before, after: document.body.innerText});
"""


@pytest.mark.parametrize("edit", [str, without_script], ids=["with script", "without script"])
def test_the_switch_hides_what_an_eavesdropper_cannot_read(
    page: str, usual: Explanation, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    found = ask(edit(page), tmp_path, 1400, ATTACKER)
    secrets = [each.value.hex() for entry in usual.entries for each in entry.derived]
    for text in (LINE.strip().decode(), "CertificateVerify", "SERVER_HANDSHAKE_TRAFFIC_SECRET", *secrets):
        assert text in found["before"]
        assert text not in found["after"]
    assert "An eavesdropper sees the length" not in found["before"]
    assert "An eavesdropper sees the length" in found["after"]
    assert "ClientHello" in found["after"]


def test_a_link_to_a_hidden_field_ends_the_view_of_the_attacker(page: str, tmp_path: Path) -> None:
    script = """
    document.getElementById('attacker').click();
    const row = document.querySelector('.secret .fields tr');
    location.hash = '#' + row.id;
    await new Promise(done => setTimeout(done, 100));
    answer([document.getElementById('attacker').checked, row.checkVisibility()]);
    """
    assert ask(page, tmp_path, 800, script) == [False, True]


@pytest.mark.parametrize(("medium", "hidden"), [("print", True), ("all", False)])
def test_what_is_printed_is_unfolded(page: str, tmp_path: Path, medium: str, hidden: bool) -> None:
    """The rules for paper, applied to the screen; as they are, the screen hides what is folded."""
    script = """
    const folded = [...document.querySelectorAll('details:not([open]) > div')];
    answer([folded.length, folded.filter(each => !each.checkVisibility()).length]);
    """
    folded, unseen = ask(page.replace("@media print", f"@media {medium}"), tmp_path, 800, script)
    assert folded > 15
    assert unseen == (folded if hidden else 0)


CONTRAST = """
document.querySelectorAll('details').forEach(each => { each.open = true; });
const part = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => .2126 * part(r / 255) + .7152 * part(g / 255) + .0722 * part(b / 255);
const behind = each => {
  for (; each; each = each.parentElement) {
    const colour = numbers(getComputedStyle(each).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const found = {dark: matchMedia('(prefers-color-scheme: dark)').matches, poor: {}, texts: 0};
for (const each of document.querySelectorAll('main *')) {
  if (![...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
  const [one, other] = [light(numbers(getComputedStyle(each).color)), light(behind(each))];
  const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
  found.texts += 1;
  if (ratio < 4.5) found.poor[each.tagName + '.' + each.className] = ratio;
}
answer(found);
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_can_be_read_in_light_and_in_dark(page: str, tmp_path: Path, dark: bool) -> None:
    """Contrast of every text against what is behind it, as WCAG 2.2 §1.4.3 computes it: at least 4.5."""
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    found = ask(page, tmp_path, 800, CONTRAST, scheme, address="#m1-f3")
    assert found["dark"] == dark
    assert found["texts"] > 500
    assert found["poor"] == {}
