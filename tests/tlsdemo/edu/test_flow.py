"""The handshake, message by message: the order, the tables, and what a changed message leads to."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tlsdemo.edu.parties import Editor, parties
from tlsdemo.conversation import Outcome, converse
from tlsdemo.driver import State
from tlsdemo.edu.handshake import CLIENT_READS_CERTIFICATE, SERVER_READS_CERTIFICATE
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import NAMES
from tlsdemo.edu.protocol import RUNGS, assemble, edu
from tlsdemo.protocol import Attacker, Side
from tlsdemo.violations import AnyViolation, ProtocolError, Violation

GREETING = ["client client_hello", "server server_hello"]
SHOWN = ["server certificate", "server certificate_verify"]
SHOWN_TOO = ["client certificate", "client certificate_verify"]
ORDER = {
    "plain": [*GREETING, "server finished", "client finished"],
    "multiply": [*GREETING, "server finished", "client finished"],
    "dh": [*GREETING, "server finished", "client finished"],
    "signed": [*GREETING, *SHOWN, "server finished", "client finished"],
    "ca": [*GREETING, *SHOWN, "server finished", "client finished"],
    "mutual": [*GREETING, *SHOWN, "server finished", *SHOWN_TOO, "client finished"],
    "hybrid": [*GREETING, *SHOWN, "server finished", *SHOWN_TOO, "client finished"],
}
LINES = [(Side.CLIENT, b"PAY 100\n"), (Side.SERVER, b"paid\n")]
KEYED = [rung for rung in RUNGS if rung != "plain"]
STEPS = [(rung, step) for rung, steps in ORDER.items() for step in steps]


def talk(certs: Path, rung: str, attacker: Attacker | None = None) -> Outcome:
    client, server = parties(certs)
    protocol = edu(RUNGS[rung])
    return converse(protocol.client(client), protocol.server(server), attacker, LINES)


def violation(outcome: Outcome, side: Side) -> AnyViolation | None:
    error = outcome[side].error
    assert error is None or isinstance(error, ProtocolError), error
    return error.violation if error else None


@pytest.mark.parametrize("rung", RUNGS)
def test_the_messages_pass_in_the_order_of_the_figure(certs: Path, rung: str) -> None:
    outcome = talk(certs, rung)
    seen = [
        f"{flight.sender.value} {json.loads(line)['type']}"
        for flight in outcome.tape
        if flight.line == 0
        for line in flight.data.splitlines()
    ]
    assert seen == ORDER[rung]
    for side, said in zip(Side, (b"paid\n", b"PAY 100\n"), strict=True):
        end = outcome[side]
        assert (end.accepted, end.error, end.delivered, end.ended) == (True, None, said, True)


APPENDIX_A = """
Client  WAIT_SERVER_HELLO        server_hello        WAIT_CERTIFICATE
Client  WAIT_CERTIFICATE         certificate         WAIT_CERTIFICATE_VERIFY
Client  WAIT_CERTIFICATE_VERIFY  certificate_verify  WAIT_FINISHED
Client  WAIT_FINISHED            finished            CONNECTED
Server  WAIT_CLIENT_HELLO        client_hello        WAIT_CERTIFICATE
Server  WAIT_CERTIFICATE         certificate         WAIT_CERTIFICATE_VERIFY
Server  WAIT_CERTIFICATE_VERIFY  certificate_verify  WAIT_FINISHED
Server  WAIT_FINISHED            finished            CONNECTED
"""  # RFC 8446 §A.1 and §A.2, without what the educational handshake does not have


def test_the_tables_are_those_of_appendix_a() -> None:
    rows = [
        f"{side} {state.name} {NAMES[kind]} {step.next.name}"
        for side, table in (("Client", CLIENT_READS_CERTIFICATE), ("Server", SERVER_READS_CERTIFICATE))
        for state, row in table.items()
        for kind, step in row.items()
    ]
    assert rows == [" ".join(line.split()) for line in APPENDIX_A.strip().splitlines()]


# Out of order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rung", "step"), STEPS, ids=" ".join)
def test_a_message_that_comes_twice_is_refused(certs: Path, rung: str, step: str) -> None:
    side, kind = step.split()
    outcome = talk(certs, rung, Editor(Side(side), kind, lambda entries: [entries, entries]))
    assert violation(outcome, Side(side).other) is Violation.UNEXPECTED_MESSAGE
    assert outcome.server.delivered in (b"", b"PAY 100\n")


@pytest.mark.parametrize(("rung", "step"), STEPS, ids=" ".join)
def test_a_message_that_is_left_out_is_missed(certs: Path, rung: str, step: str) -> None:
    side, kind = step.split()
    outcome = talk(certs, rung, Editor(Side(side), kind, lambda entries: []))
    assert violation(outcome, Side(side).other) in (Violation.UNEXPECTED_MESSAGE, Violation.TRUNCATED)
    assert not outcome[Side(side).other].accepted
    assert outcome.server.delivered == b""


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("kind", ["finished", "certificate", "record", "server_hello", "data"])
def test_a_server_is_not_to_be_addressed_with_anything_but_a_hello(certs: Path, rung: str, kind: str) -> None:
    examples: dict[str, dict[str, Any]] = {
        "finished": {} if rung == "plain" else {"verify_data": "00" * 32},
        "certificate": {"chain": ["00"]},
        "record": {"sealed": "00" * 20},
        "server_hello": {"rung": rung}
        if rung == "plain"
        else {"rung": rung, "cipher": "AES-128-CCM-8", "random": "00" * 32, "share": "1"},
        "data": {"text": "let me in"},
    }
    server = edu(RUNGS[rung]).server(parties(certs)[1])
    server.receive(json.dumps({"type": kind, **examples[kind]}).encode() + b"\n")
    assert isinstance(server.error, ProtocolError)
    assert server.error.violation is Violation.UNEXPECTED_MESSAGE
    assert b"unexpected_message" in server.outgoing()


# Changed on the way -------------------------------------------------------------------------------------------------


def changed(value: Any) -> Any:
    """Another value of the same shape."""
    if isinstance(value, list):
        return [changed(value[0]), *value[1:]]
    middle = len(value) // 2
    other = "1" if value[middle] != "1" else "2"
    return value[:middle] + other + value[middle + 1 :]


FIELDS = [
    (rung, step, name)
    for rung in KEYED
    for step in ORDER[rung]
    for name in {
        "client_hello": ("server_name", "random", "group", "share", "rung"),
        "server_hello": ("random", "share", "rung"),
        "certificate": ("chain",),
        "certificate_verify": ("signature",),
        "finished": ("verify_data",),
    }[step.split()[1]]
]


@pytest.mark.parametrize(("rung", "step", "name"), FIELDS, ids=" ".join)
def test_a_field_that_was_changed_on_the_way_is_noticed(certs: Path, rung: str, step: str, name: str) -> None:
    side, kind = step.split()
    editor = Editor(Side(side), kind, lambda entries: [{**entries, name: changed(entries[name])}])
    outcome = talk(certs, rung, editor)
    assert editor.done
    assert violation(outcome, Side.CLIENT) or violation(outcome, Side.SERVER)
    assert not (outcome.client.accepted and outcome.server.accepted)
    assert outcome.server.delivered == b""
    assert outcome.client.delivered == b""


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("how", ["changed", "twice", "left out"])
def test_a_record_that_was_tampered_with_does_not_open(certs: Path, rung: str, how: str) -> None:
    edits = {
        "changed": lambda entries: [{**entries, "sealed": changed(entries["sealed"])}],
        "twice": lambda entries: [entries, entries],
        "left out": lambda entries: [],
    }
    outcome = talk(certs, rung, Editor(Side.CLIENT, "record", edits[how]))
    assert violation(outcome, Side.SERVER) is Violation.BAD_RECORD
    assert outcome.server.delivered == (b"PAY 100\n" if how == "twice" else b"")


@pytest.mark.parametrize("rung", KEYED)
def test_a_record_that_is_sent_back_to_its_sender_does_not_open(certs: Path, rung: str) -> None:
    client, server = (edu(RUNGS[rung]).endpoint(side, party) for side, party in zip(Side, parties(certs), strict=True))
    converse_only_the_handshake(client, server)
    client.send(b"PAY 100\n")
    client.receive(client.outgoing())
    assert isinstance(client.error, ProtocolError)
    assert client.error.violation is Violation.BAD_RECORD
    assert client.delivered == b""


def converse_only_the_handshake(client: Any, server: Any) -> None:
    server.receive(client.outgoing())
    client.receive(server.outgoing())
    server.receive(client.outgoing())
    assert client.accepted
    assert server.accepted


@pytest.mark.parametrize("rung", KEYED)
def test_an_unauthenticated_end_is_an_error_except_in_plain(certs: Path, rung: str) -> None:
    for name, expected in ((rung, Violation.TRUNCATED), ("plain", None)):
        protocol = edu(RUNGS[name])
        client, server = (protocol.endpoint(side, party) for side, party in zip(Side, parties(certs), strict=True))
        converse_only_the_handshake(client, server)
        client.send(b"do not ")
        server.receive(client.outgoing())
        server.receive_eof()
        assert isinstance(server, Machine)
        assert server.delivered == b"do not "
        assert server.ended is (expected is None)
        assert (server.error.violation if isinstance(server.error, ProtocolError) else None) is expected


@pytest.mark.parametrize("rung", RUNGS)
def test_no_row_is_behind_connected(rung: str) -> None:
    parts = assemble(RUNGS[rung], None)
    assert State.CONNECTED not in parts.client
    assert State.CONNECTED not in parts.server
