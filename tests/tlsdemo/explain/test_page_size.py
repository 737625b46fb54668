"""The size of the page of an explained conversation. Caught: a page of a megabyte or more for any conversation, a link
that leads to a record that is not shown, quadratic work."""

import html
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.tlsdemo.explain.prolonged import KEY_UPDATE, prolonged
from tests.tlsdemo.explain.test_conversation import NAMES, Chunks, explained
from tests.tlsdemo.explain.test_page import ask, parsed
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.conversation import Explanation, explain
from tlsdemo.report import ladder
from tlsdemo.report.explain_page import MOST_FIELDS, MOST_OTHERS
from tlsdemo.wire.records import ALERT, APPLICATION_DATA, HANDSHAKE, framed

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MEGABYTE = 1_000_000
DATA = APPLICATION_DATA, b"PAY 100 to bob\n"


def more(*contents: tuple[int, bytes], with_keys: bool = True) -> Explanation:
    chunks, keys = prolonged(contents)
    return explain(chunks, keys if with_keys else None, NOW)


def in_the_clear(content_type: int, *contents: bytes) -> Explanation:
    chunks: Chunks = [("server", framed(content_type, 0x0303, each)) for each in contents]
    return explain(chunks, None, NOW)


def client_hello(extensions: int) -> bytes:
    """A ClientHello with so many empty extensions."""
    listed = b"".join((0x1000 + number % 0x1000).to_bytes(2) + bytes(2) for number in range(extensions))
    body = b"\x03\x03" + bytes(33) + b"\x00\x02\x13\x01\x01\x00" + len(listed).to_bytes(2) + listed
    return b"\x01" + len(body).to_bytes(3) + body


HOSTILE: dict[str, Callable[[], Explanation]] = {
    "5,000 records": lambda: more(*[DATA] * 5_000),
    "5,000 records without keys": lambda: more(*[DATA] * 5_000, with_keys=False),
    "long records without keys": lambda: more(*[(APPLICATION_DATA, bytes(16_000))] * 300, with_keys=False),
    "data that grows when it is escaped": lambda: more(*[(APPLICATION_DATA, b'<"\x00\x1b&' * 800)] * 60),
    "many KeyUpdates": lambda: more(*[KEY_UPDATE, DATA] * 1_500),
    "many long unknown messages": lambda: more(*[(HANDSHAKE, b"\x63" + (9_996).to_bytes(3) + bytes(9_996))] * 200),
    "many alerts": lambda: in_the_clear(ALERT, *[b"\x01\x00"] * 5_000),
    "many long malformed alerts": lambda: in_the_clear(ALERT, *[os.urandom(16_000)] * 100),
    "a ClientHello of many extensions": lambda: in_the_clear(HANDSHAKE, client_hello(3_900)),
    "many ClientHellos": lambda: in_the_clear(HANDSHAKE, *[client_hello(600)] * 40),
    "empty records": lambda: in_the_clear(APPLICATION_DATA, *[b""] * 20_000),
}  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_the_page_of_any_conversation_is_whole_and_below_a_megabyte(make: Callable[[], Explanation]) -> None:
    found = make()
    for as_attacker in (False, True):
        page = as_page([("", found)], "", as_attacker=as_attacker)
        assert len(page.encode()) < MEGABYTE
        document = parsed(page)
        assert len(document.ids) == len(set(document.ids))
        assert {link[1:] for link in document.links} <= set(document.ids)


def test_each_record_is_shown_listed_or_counted_and_the_page_says_how_many() -> None:
    found = more(*[DATA] * 3_000, KEY_UPDATE, DATA, KEY_UPDATE)
    page = as_page([("", found)], "")
    total = len(found.dissection.records)
    whole, listed = (len(re.findall(f'<{tag} [^>]*id="r\\d+"', page)) for tag in ("li", "tr"))
    counted = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) more records? from the", page)]
    assert listed == ladder.LISTED
    assert whole + listed + sum(counted) == total
    assert ladder.WHOLE < whole < 2 * ladder.WHOLE
    text = html.unescape(page)
    assert "1,000 records are listed in one line each." in text
    assert f"{sum(counted):,} records are only counted." in text
    assert "With --json, the command prints all bytes; with --by-hand N, the numbers of record N." in text


def test_messages_between_and_after_thousands_of_records_are_shown_whole() -> None:
    found = more(*[DATA] * 1_500, KEY_UPDATE, *[DATA] * 1_500, KEY_UPDATE, (ALERT, b"\x01\x00"))
    page = as_page([("", found)], "")
    titles = re.findall(r'<details class="content[^>]*>\s*<summary><strong>(.*?)</strong>', page)
    assert titles.count("KeyUpdate") == 2
    assert titles[-1] == "Alert: close_notify"
    assert titles[-2] == "KeyUpdate"


@pytest.mark.parametrize("name", NAMES)
def test_of_a_usual_conversation_nothing_is_left_out(name: str) -> None:
    page = as_page([("", explained(name))], "")
    assert "Left out" not in page
    assert "Shown: " not in page
    assert len(page) < 250_000


def test_a_message_of_many_fields_says_how_many_are_left_out() -> None:
    page = as_page([("", HOSTILE["a ClientHello of many extensions"]())], "")
    assert len(re.findall(r'id="m1-f\d+"', page)) == MOST_FIELDS
    fields = 3_900 + 9  # msg_type, length, version, random, session id, suites, compression, extensions' length
    assert re.search(
        rf"Shown: the first 15,\d\d\d of 15,\d\d\d bytes, without the last {fields - MOST_FIELDS - 1:,} fields", page
    )


def test_many_conversations_are_named_and_then_counted(shared_data: Path) -> None:
    found = explained("python-ssl-tls13")
    page = as_page([(f"connection {number}", found) for number in range(1, 400)], "")
    assert len(page.encode()) < MEGABYTE
    document = parsed(page)
    assert len(document.ids) == len(set(document.ids))
    whole = page.count("<section>")
    assert 3 < whole < 20
    named = re.findall(r"<li>(connection \d+): normal: close_notify", page)
    assert named == [f"connection {number}" for number in range(whole + 1, whole + MOST_OTHERS + 1)]
    assert f"{399 - whole - MOST_OTHERS} more conversations" in page


def test_the_work_is_linear_in_the_number_of_records() -> None:
    """Counted in calls of Python functions, which do not depend on the load of the machine."""
    import cProfile
    import pstats

    def calls(found: Explanation) -> int:
        profile = cProfile.Profile()
        profile.runcall(as_page, [("", found)], "")
        return pstats.Stats(profile).total_calls  # type: ignore[attr-defined,no-any-return]  # not in the stubs

    few, many = (calls(more(*[KEY_UPDATE, *[DATA] * 3] * number)) for number in (200, 800))
    assert many < 5 * few


def test_a_long_list_is_readable_at_400_pixels(tmp_path: Path) -> None:
    page = as_page([("", more(*[DATA] * 300))], "")
    script = """
    const rows = [...document.querySelectorAll('.listing tr')];
    answer([rows.length, rows.filter(each => each.getBoundingClientRect().right > innerWidth).length]);
    """
    rows, wide = ask(page, tmp_path, 400, script)
    assert rows > 200
    assert wide == 0
