"""Records that are shown whole, listed or counted. Caught: a record that is lost or told twice, too many bytes."""

import re
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tlsdemo.report.ladder import LISTED, WHOLE, Ladder, Views


@dataclass(frozen=True)
class Sample:
    id: str
    sender: str
    data: bytes
    bulk: str
    html: int


VIEWS = Views[Sample](
    lambda each: Markup(f"W{each.id};".ljust(each.html, ".")),
    lambda each: Markup(f"L{each.id};"),
    lambda rows, counts: rows + "".join(f"C{sender}:{number}:{size};" for sender, number, size in counts),
)


def samples(drawn: list[tuple[str, str, int]]) -> list[Sample]:
    return [
        Sample(str(number), sender, bytes(size), bulk, size)
        for number, (sender, bulk, size) in enumerate(drawn, start=1)
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["client", "server"]), st.sampled_from(["", "data", "sealed"]), st.integers(0, 300)),
        max_size=150,
    ),
    st.integers(0, 20_000),
)
def test_each_record_is_shown_once_in_its_order_within_the_bytes(drawn: list[tuple[str, str, int]], room: int) -> None:
    records = samples(drawn)
    ladder = Ladder(records, VIEWS, room)
    text = "".join(ladder.steps)
    shown = [int(each) for each in re.findall(r"[WL](\d+);", text)]
    counted = [(int(number), int(size)) for number, size in re.findall(r"C\w+:(\d+):(\d+);", text)]
    assert shown == sorted(set(shown))
    assert {str(each) for each in shown} == ladder.shown
    assert len(shown) + sum(number for number, _ in counted) == len(records)
    assert ladder.counted == sum(number for number, _ in counted)
    assert sum(size for _, size in counted) == sum(len(each.data) for each in records if each.id not in ladder.shown)
    assert len(re.sub(r"C\w+:\d+:\d+;", "", text)) <= room
    for bulk in ("data", "sealed"):
        assert sum(f"W{each.id};" in text for each in records if each.bulk == bulk) <= WHOLE


def test_a_record_after_thousands_is_shown_whole_if_it_is_not_in_bulk() -> None:
    many = samples([("server", "data", 10)] * (WHOLE + LISTED + 500) + [("client", "", 50), ("server", "data", 7)])
    ladder = Ladder(many, VIEWS, 100_000)
    assert (ladder.listed, ladder.counted) == (LISTED, 501)
    assert ladder.steps[-2].startswith(f"W{len(many) - 1};")
    assert ladder.steps[-3].endswith("Cserver:500:5000;")
    assert ladder.steps[-1] == "Cserver:1:7;"
