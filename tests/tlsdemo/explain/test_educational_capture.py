"""Captures of the educational handshake, and rows of a line of JSON. Caught: bytes without a row, a false ending."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.peers.support import party_of
from tlsdemo.conversation import converse
from tlsdemo.edu import messages
from tlsdemo.edu.messages import MEANINGS, SHAPES, ServerHello
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.explain import json_rows
from tlsdemo.explain.conversation import Kind
from tlsdemo.explain.educational_capture import explanation
from tlsdemo.protocol import Side
from tlsdemo.wire.records import SENDERS, Sender

LINES = ((Side.CLIENT, b"hi\n"), (Side.SERVER, b"hello\n"))


def recorded(rung: str, certs: Path) -> list[tuple[Sender, bytes]]:
    protocol = edu(RUNGS[rung])
    client, server = (protocol.endpoint(side, party_of(certs, side)) for side in Side)
    return [(SENDERS[flight.sender], flight.data) for flight in converse(client, server, lines=LINES).tape]


@pytest.mark.parametrize("rung", RUNGS)
def test_what_is_in_the_clear_is_explained_to_the_last_byte(certs: Path, rung: str) -> None:
    chunks = recorded(rung, certs)
    found = explanation(chunks)
    lines = [each for each in found.entries if each.kind is Kind.RECORD]
    for side in SENDERS.values():
        assert b"".join(each.data for each in lines if each.sender == side) == b"".join(
            data for sender, data in chunks if sender == side
        )
    hidden = sum(len(each.data) for each in lines if each.hidden)
    assert found.explained == found.total - hidden
    assert bool(hidden) is (rung != "plain")
    assert found.ending.sentences[0].startswith("normal: " if rung == "plain" else "unknown: ")
    data = b"".join(each.data for each in found.entries if each.kind is Kind.DATA)
    assert (b"hi" in data) is (rung in ("plain", "multiply"))  # what an eavesdropper reads


def test_every_field_has_a_meaning() -> None:
    assert {kind: set(fields) for kind, fields in MEANINGS.items()} == {
        kind: set(each) for kind, each in SHAPES.items()
    }
    assert all(each.endswith(".") for fields in MEANINGS.values() for each in fields.values())


SPACE = st.text(" \t", max_size=3)


@given(spaces=st.lists(SPACE, min_size=12, max_size=12))
def test_the_rows_tile_a_line_of_any_layout(spaces: list[str]) -> None:
    """JSON allows whitespace where our own encoder writes none (RFC 8259 §2)."""
    members = {"type": "server_hello", "rung": "ca", "cipher": "x", "random": "00" * 32, "share": "1500"}
    left = iter(spaces)
    parts = [f"{next(left)}{json.dumps(key)}{next(left)}: {json.dumps(value)}" for key, value in members.items()]
    line = ("{" + ",".join(parts) + next(left) + "}" + "\n").encode()
    message = messages.read(line.rstrip(b"\n"))
    assert isinstance(message, ServerHello)
    rows = json_rows.rows(line, message)
    assert [row.name for row in rows] == list(members)
    assert [rows[0].start, rows[-1].end] == [0, len(line)]
    assert all(before.end == after.start for before, after in pairwise(rows))
    for row, value in zip(rows, members.values(), strict=True):
        assert f'"{row.name}"'.encode() in line[row.start : row.end]
        assert json.dumps(value).encode() in line[row.start : row.end]


CHUNKS = st.lists(st.tuples(st.sampled_from(["client", "server"]), st.binary(max_size=60)), max_size=8)


@given(CHUNKS)
@example([("client", b'{"type": "data", "text": "\xc3\xa9"}\n')])
@example([("client", b'{"type": "client_hello"}\n'), ("server", b'{"type": "record", "sealed": "00"}\n')])
def test_no_bytes_raise(chunks: list[tuple[Sender, bytes]]) -> None:
    found = explanation([("client", b'{"type": "'), *chunks])
    assert found.explained <= found.total
