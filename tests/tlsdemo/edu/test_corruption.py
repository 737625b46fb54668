"""One thing is changed on the way. Falsehood caught: it goes through, or something forged is handed to somebody."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pki.store.files import read_certificates
from tests.tlsdemo.edu.parties import (
    Edit,
    Editor,
    Said,
    believed,
    connected,
    fault,
    handshake_of,
    parties,
    seeded,
    talk,
)
from tlsdemo.conversation import Outcome
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import MAX_LINE, Record, encode
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.edu.records import CLOSE_NOTIFY, Content
from tlsdemo.protocol import Side
from tlsdemo.trust import ders
from tlsdemo.violations import AnyViolation, Violation

Value = str | list[str]
KEYED = [rung for rung in RUNGS if rung not in ("plain", "hybrid")]
SHOWN = {
    "multiply": (),
    "dh": (),
    "signed": (Side.SERVER,),
    "ca": (Side.SERVER,),
    "mutual": (Side.SERVER, Side.CLIENT),
}
"""Who shows a certificate."""

FIELDS = [
    (rung, sender, kind, field)
    for rung in KEYED
    for sender, kind, fields in (
        (Side.CLIENT, "client_hello", ("rung", "server_name", "ciphers", "random", "group", "share")),
        (Side.SERVER, "server_hello", ("rung", "cipher", "random", "share")),
        *((side, kind, (name,)) for side in SHOWN[rung] for kind, name in (
            ("certificate", "chain"), ("certificate_verify", "signature"),
        )),
        (Side.SERVER, "finished", ("verify_data",)),
        (Side.CLIENT, "finished", ("verify_data",)),
    )
    for field in fields
]  # fmt: skip
V, M = Violation, MessageViolation


def found_as(rung: str, sender: Side, field: str) -> tuple[Side, set[AnyViolation]]:
    """Who finds out, and as what. A hello is in the transcript: what changes it breaks the proof that comes first."""
    proof = V.BAD_SIGNATURE if Side.SERVER in SHOWN[rung] else V.BAD_FINISHED
    readable = {V.BAD_CERTIFICATE, V.FORGED, V.UNTRUSTED, V.OUT_OF_DATE, V.WRONG_NAME, V.WRONG_PURPOSE, V.WEAK_KEY}
    if field in ("rung", "group"):
        return sender.other, {M.OTHER_RUNG if field == "rung" else M.OTHER_GROUP}
    if field == "ciphers":  # the first is spoiled: the server takes the second, and all the rest is as it was
        return Side.CLIENT, {proof}
    if field == "cipher":
        return Side.CLIENT, {M.OTHER_CIPHER}
    if field in ("server_name", "random"):
        return Side.CLIENT, {proof}
    if field == "share" and rung == "multiply":  # no multiple of 300 any more, perhaps
        return Side.CLIENT, {proof, V.BAD_SHARE}
    if field == "share":
        return Side.CLIENT, {proof}
    if field == "chain":
        return sender.other, {V.BAD_SIGNATURE, *readable}
    return sender.other, {V.BAD_SIGNATURE if field == "signature" else V.BAD_FINISHED}


def changed(value: Value, place: float) -> Any:
    """Another value of the same shape: one character, at that place (0 to 1), of the text or of the first text."""
    if isinstance(value, list):
        return [changed(value[0], place), *value[1:]]
    at = min(int(place * len(value)), len(value) - 1)
    return value[:at] + ("1" if value[at] != "1" else "2") + value[at + 1 :]


def assert_nothing_forged(outcome: Outcome) -> None:
    """Not both believe in it, and nobody was handed anything."""
    assert not believed(outcome)
    assert not (outcome.client.accepted and outcome.server.accepted)
    assert (outcome.client.delivered, outcome.server.delivered) == (b"", b"")


@pytest.mark.parametrize(("rung", "sender", "kind", "field"), FIELDS, ids=lambda each: getattr(each, "value", None))
@pytest.mark.parametrize("place", [0, 0.2, 0.5, 1], ids=["first", "fifth", "middle", "last"])
def test_a_field_that_was_changed_is_found_by_the_one_who_checks_it(
    certs: Path, rung: str, sender: Side, kind: str, field: str, place: float
) -> None:
    editor = Editor(sender, kind, lambda entries: [{**entries, field: changed(entries[field], place)}])
    outcome = talk(*seeded(certs, 11), RUNGS[rung], editor)
    assert editor.done
    assert_nothing_forged(outcome)
    finder, violations = found_as(rung, sender, field)
    if rung == "multiply" and field == "share" and fault(outcome.client) is V.ALERT:
        finder = Side.SERVER  # the server cannot reckon with it
    assert fault(outcome[finder]) in violations
    assert fault(outcome[finder.other]) in (V.ALERT, None)


@pytest.mark.parametrize(("rung", "sender", "kind", "field"), FIELDS, ids=lambda each: getattr(each, "value", None))
def test_a_field_that_is_missing_or_too_many_is_named(
    certs: Path, rung: str, sender: Side, kind: str, field: str
) -> None:
    edits: dict[AnyViolation, Edit] = {
        M.MISSING_FIELD: lambda entries: [{name: value for name, value in entries.items() if name != field}],
        M.UNKNOWN_FIELD: lambda entries: [{**entries, f"{field}_too": entries[field]}],
    }
    for violation, edit in edits.items():
        outcome = talk(*parties(certs), RUNGS[rung], Editor(sender, kind, edit))
        assert_nothing_forged(outcome)
        assert fault(outcome[sender.other]) is violation


MESSAGES = list(dict.fromkeys((rung, sender, kind) for rung, sender, kind, _ in FIELDS))


@pytest.mark.parametrize(("rung", "sender", "kind"), MESSAGES, ids=lambda each: getattr(each, "value", None))
def test_the_same_fields_in_another_order_are_not_the_same_message(
    certs: Path, rung: str, sender: Side, kind: str
) -> None:
    outcome = talk(*parties(certs), RUNGS[rung], Editor(sender, kind, lambda entries: [reordered(entries)]))
    last = (sender, kind) == (Side.CLIENT, "finished")  # nothing is checked against what comes after it, and it says
    assert believed(outcome) is last  # the same: the transcript that it sums up ends before it
    if not last:
        assert {fault(outcome.client), fault(outcome.server)} & {V.BAD_FINISHED, V.BAD_SIGNATURE}
        assert_nothing_forged(outcome)


def reordered(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: entries[name] for name in reversed(entries)}


def test_control_in_plain_a_changed_hello_and_a_changed_order_go_through(certs: Path) -> None:
    hello = Editor(Side.CLIENT, "client_hello", lambda entries: [{**entries, "server_name": "shop.example"}])
    assert believed(talk(*parties(certs), RUNGS["plain"], hello))
    order = Editor(Side.CLIENT, "data", lambda entries: [{**entries, "text": "PAY 999\n"}])
    assert talk(*parties(certs), RUNGS["plain"], order).server.delivered == b"PAY 999\n"


# Chains -------------------------------------------------------------------------------------------------------------

CHAINS: dict[str, tuple[Callable[[list[str], Path], list[str]], AnyViolation]] = {
    "without the intermediate": (lambda chain, _: chain[:1], V.UNTRUSTED),
    "without the leaf": (lambda chain, _: chain[1:], V.WRONG_NAME),
    "the wrong way round": (lambda chain, _: chain[::-1], V.WRONG_NAME),
    "of the rogue": (lambda _, certs: shown(certs, "rogue/server.pem"), V.FORGED),
    "of the client": (lambda _, certs: shown(certs, "client.pem"), V.WRONG_PURPOSE),
    "with the root": (lambda chain, certs: [*chain, *shown(certs, "root.pem")], V.BAD_SIGNATURE),
    "twice the leaf": (lambda chain, _: [chain[0], *chain], V.BAD_SIGNATURE),
    "with garbage": (lambda chain, _: [*chain, "3000"], V.BAD_CERTIFICATE),
    "cut": (lambda chain, _: [chain[0][:-2], *chain[1:]], V.BAD_CERTIFICATE),
    "none": (lambda chain, _: [], M.WRONG_LENGTH),
    "eleven": (lambda chain, _: [*chain, *chain[:1] * 9], M.WRONG_LENGTH),
}


def shown(certs: Path, name: str) -> list[str]:
    credential = parties(certs)[1].credential
    assert credential
    chain = read_certificates(certs / name)
    return [der.hex() for der in ders(type(credential)(credential.key, chain[0], chain[1:]))]


@pytest.mark.parametrize("how", CHAINS)
@pytest.mark.parametrize("rung", ["ca", "mutual"])
def test_another_chain_is_refused_also_where_it_would_be_believed(certs: Path, rung: str, how: str) -> None:
    edit, violation = CHAINS[how]
    editor = Editor(Side.SERVER, "certificate", lambda entries: [{**entries, "chain": edit(entries["chain"], certs)}])
    outcome = talk(*parties(certs), RUNGS[rung], editor)
    assert_nothing_forged(outcome)
    assert fault(outcome.client) is violation


# Records ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first", "middle", "last"])
def test_a_changed_record_does_not_open(certs: Path, rung: str, sender: Side, place: float) -> None:
    editor = Editor(sender, "record", lambda entries: [{**entries, "sealed": changed(entries["sealed"], place)}])
    outcome = talk(*parties(certs), RUNGS[rung], editor)
    assert fault(outcome[sender.other]) is V.BAD_RECORD
    assert outcome[sender.other].delivered == b""
    assert not outcome[sender.other].ended


def sealed(end: Machine, *lines: bytes) -> list[bytes]:
    """The records of these lines, taken off the line."""
    for line in lines:
        end.send(line)
    return end.outgoing().splitlines(keepends=True)


ARRANGEMENTS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], bytes]] = {
    "swapped": (lambda records: [records[1], records[0], records[2]], b""),
    "the first left out": (lambda records: records[1:], b""),
    "the second left out": (lambda records: [records[0], records[2]], b"one\n"),
    "the first twice": (lambda records: [records[0], *records], b"one\n"),
    "all again": (lambda records: records * 2, b"one\ntwo\nthree\n"),
    "shortened": (lambda records: [shortened(records[0]), *records[1:]], b""),
    "lengthened": (lambda records: [lengthened(records[0]), *records[1:]], b""),
}


def shortened(record: bytes) -> bytes:
    return encode(Record(bytes.fromhex(json.loads(record)["sealed"])[:-1]))


def lengthened(record: bytes) -> bytes:
    return encode(Record(bytes.fromhex(json.loads(record)["sealed"]) + b"\0"))


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("how", ARRANGEMENTS)
def test_records_open_in_their_order_and_once(certs: Path, rung: str, how: str) -> None:
    arrange, before = ARRANGEMENTS[how]
    client, server = connected(certs, RUNGS[rung])
    server.receive(b"".join(arrange(sealed(client, b"one\n", b"two\n", b"three\n"))))
    assert fault(server) is V.BAD_RECORD
    assert server.delivered == before


@pytest.mark.parametrize("rung", KEYED)
def test_a_record_does_not_open_for_its_sender_nor_in_another_conversation(certs: Path, rung: str) -> None:
    client, _ = connected(certs, RUNGS[rung])
    _, another = connected(certs, RUNGS[rung])
    (record,) = sealed(client, b"PAY 100\n")
    for end in (client, another):
        end.receive(record)
        assert fault(end) is V.BAD_RECORD
        assert end.delivered == b""


@pytest.mark.parametrize("rung", KEYED)
def test_what_was_said_before_a_bad_record_stays_said_and_nothing_after_it_is_heard(certs: Path, rung: str) -> None:
    client, server = connected(certs, RUNGS[rung])
    good, bad, late = sealed(client, b"one\n", b"two\n", b"three\n")
    server.receive(good + bad.replace(b'"sealed": "', b'"sealed": "00') + late)
    server.receive(late)
    assert (fault(server), server.delivered) == (V.BAD_RECORD, b"one\n")


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("byte", [0, 20, 22, 24, 255])
def test_a_record_of_unknown_type_is_refused_as_such(certs: Path, rung: str, byte: int) -> None:
    client, server = connected(certs, RUNGS[rung])
    server.receive(encode(Record(client.channel._sending.seal(b"PAY 100\n" + bytes([byte])))))
    assert fault(server) is V.BAD_CONTENT
    assert server.delivered == b""


# The end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_an_end_that_was_cut_off_is_no_end(certs: Path, rung: str, sender: Side) -> None:
    ends = dict(zip(Side, connected(certs, RUNGS[rung]), strict=True))
    ends[sender].send(b"do not ")
    ends[sender.other].receive(ends[sender].outgoing())
    ends[sender].close()
    ends[sender.other].receive_eof()
    assert fault(ends[sender.other]) is V.TRUNCATED
    assert (ends[sender.other].delivered, ends[sender.other].ended) == (b"do not ", False)


@pytest.mark.parametrize("rung", RUNGS)
def test_an_end_before_the_handshake_is_done_is_none_in_any_rung(certs: Path, rung: str) -> None:
    for cut in range(len(handshake_of(talk(*parties(certs), RUNGS[rung])))):
        outcome = talk(*parties(certs), RUNGS[rung], CutAfter(cut))
        assert not believed(outcome)
        assert V.TRUNCATED in (fault(outcome.client), fault(outcome.server))
        assert outcome.server.delivered == b""


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_a_goodbye_in_the_middle_of_the_handshake_is_no_end(certs: Path, rung: str, sender: Side) -> None:
    goodbye = {"type": "alert", "description": "close_notify", "detail": ""}
    outcome = talk(*parties(certs), RUNGS[rung], Editor(sender, "finished", lambda _: [goodbye]))
    assert fault(outcome[sender.other]) is V.TRUNCATED
    assert not outcome[sender.other].ended


class CutAfter(Editor):
    """So many lines of the handshake pass, and then nothing."""

    def __init__(self, lines: int) -> None:
        super().__init__(Side.CLIENT, "", lambda entries: [entries])
        self.left = lines

    def on_data(self, flight: Any) -> list[tuple[Side, bytes]]:
        passed = flight.data.splitlines(keepends=True)[: self.left]
        self.left -= len(passed)
        return [(flight.sender.other, b"".join(passed))] if passed else []


@pytest.mark.parametrize("rung", KEYED)
def test_an_alert_in_the_clear_does_not_end_a_conversation_in_records(certs: Path, rung: str) -> None:
    client, server = connected(certs, RUNGS[rung])
    server.receive(b'{"type": "alert", "description": "close_notify", "detail": ""}\n')
    assert (fault(server), server.ended) == (V.UNEXPECTED_MESSAGE, False)
    server.close()
    assert not client.ended


@pytest.mark.parametrize("size", [1, 7, MAX_LINE])
def test_how_the_line_is_cut_into_pieces_does_not_matter(certs: Path, size: int) -> None:
    client, server = connected(certs, RUNGS["mutual"])
    client.send(bytes(range(256)) * 100)
    client.close()
    data = client.outgoing()
    for start in range(0, len(data), size):
        server.receive(data[start : start + size])
    assert (server.delivered, server.ended, server.error) == (bytes(range(256)) * 100, True, None)


def test_the_close_is_a_record_like_any_other(certs: Path) -> None:
    client, server = connected(certs, RUNGS["dh"])
    client.close()
    assert server.channel.open(Record(bytes.fromhex(json.loads(client.outgoing())["sealed"]))) == (
        Content.ALERT,
        CLOSE_NOTIFY.encode(),
    )


def test_the_fields_named_here_are_all_there_are(certs: Path) -> None:
    def fields(said: Said) -> set[tuple[Side, str, str]]:
        return {(said.sender, said.kind, name) for name in said.entries if name != "type"}

    for rung in KEYED:
        there = set().union(*map(fields, handshake_of(talk(*parties(certs), RUNGS[rung]))))
        assert there == {(sender, kind, name) for each, sender, kind, name in FIELDS if each == rung}
