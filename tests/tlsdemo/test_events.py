"""Events as lines and as JSON: the schema that programs rely on, and nothing that drives a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.conftest import Serve
from tlsdemo.events import Agreed, Closed, Ending, Event, Listening, Refused, Said, Silent
from tlsdemo.protocol import Side
from tlsdemo.report.events import as_json, as_line

PEER = "127.0.0.1:50000"
EXAMPLES: list[tuple[Event, dict[str, object]]] = [
    (
        Listening("tls", "127.0.0.1", 4433),
        {"event": "listening", "protocol": "tls", "host": "127.0.0.1", "port": 4433},
    ),
    (
        Agreed(PEER, "TLSv1.3", "C", ("DNS:client",)),
        {
            "event": "agreed", "peer": PEER, "version": "TLSv1.3", "cipher": "C", "client": ["DNS:client"],
            "unreadable": "", "proved": True,
        },
    ),
    (
        Agreed(PEER, "TLSv1.3", "X", None),
        {
            "event": "agreed", "peer": PEER, "version": "TLSv1.3", "cipher": "X", "client": None, "unreadable": "",
            "proved": True,
        },
    ),
    (Said(PEER, "hello"), {"event": "said", "peer": PEER, "text": "hello"}),
    (
        Closed(PEER, Ending.CUT, 8),
        {"event": "closed", "peer": PEER, "ending": "cut", "application_bytes": 8},
    ),
    (
        Refused(PEER, Side.CLIENT, "a", "w", 0),
        {"event": "refused", "peer": PEER, "by": "client", "alert": "a", "reason": "w", "application_bytes": 0},
    ),
    (Silent(PEER, 10.0), {"event": "silent", "peer": PEER, "seconds": 10.0}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "expected"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_event_is_an_object_of_schema_2(event: Event, expected: dict[str, object]) -> None:
    text = as_json(event)
    assert json.loads(text) == {"schema": 2, **expected}
    assert list(json.loads(text)) == ["schema", *expected]
    assert "\n" not in text


@pytest.mark.parametrize("event", [event for event, _ in EXAMPLES], ids=lambda value: type(value).__name__)
def test_an_event_is_one_line_for_people(event: Event) -> None:
    line = as_line(event)
    assert line.isprintable()
    assert line.startswith(("listening on 127.0.0.1:4433 (tls)", PEER))


@given(st.text())
def test_whatever_a_client_says_drives_no_terminal_and_breaks_no_line(text: str) -> None:
    events: list[Event] = [
        Said(PEER, text),
        Refused(PEER, Side.SERVER, None, text, 1),
        Agreed(PEER, "v", "c", (text, text)),
    ]
    for event in events:
        assert as_line(event).isprintable()
        if text.isascii():
            assert as_json(event).isprintable()


@pytest.mark.parametrize("text", ["\x9b31mred", "a\u2028b", "a\x85b", "\x7f", "\u202egnp.exe"], ids=ascii)
def test_json_escapes_what_some_programs_take_for_a_command_or_a_line_end(text: str) -> None:
    line = as_json(Said(PEER, text))
    assert json.loads(line)["text"] == text
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_the_first_line_of_serve_is_the_port_to_sniff(serve: Serve) -> None:
    server = serve()
    assert list(json.loads(server.out[0]).items()) == [
        ("schema", 2),
        ("event", "listening"),
        ("protocol", "tls"),
        ("host", "127.0.0.1"),
        ("port", server.port),
    ]
    plain = serve(as_json=False)
    plain.wait_for("^  also on ")
    assert plain.out[0] == f"listening on 127.0.0.1:{plain.port} (tls)"
    assert plain.out[1] == f"  also on [::1]:{plain.port}"
