"""The educational handshake as entries, message by message, while it runs.

An `Explainer` turns what a `Watch` is called with into the entries of `conversation`: the line of JSON with its fields,
why it is sent, what it achieves, the keys that follow from it, and what an eavesdropper learns. Each type of message is
explained once in a conversation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from pki.errors import printable
from tlsdemo.driver import Driver, Moment
from tlsdemo.edu import messages
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.edu.groups import is_undone
from tlsdemo.edu.key_schedule import HASH, IV, KEY, extract
from tlsdemo.edu.machine import Machine, cipher_suite
from tlsdemo.edu.messages import (
    NAMES,
    Alert,
    Certificate,
    CertificateVerify,
    ClientHello,
    Data,
    Finished,
    Message,
    Record,
    ServerHello,
)
from tlsdemo.edu.records import Content, counted, of_its_own
from tlsdemo.edu.weak.clear import Clear
from tlsdemo.edu.weak.secrecy import Mac
from tlsdemo.explain import json_rows, values
from tlsdemo.explain.conversation import Entry, Explanation, Kind
from tlsdemo.explain.educational_sentences import cipher_of, covered, sentences, who
from tlsdemo.explain.failure import Ending
from tlsdemo.explain.keys import Derived
from tlsdemo.explain.proofs import Proof
from tlsdemo.explain.rows import Row
from tlsdemo.protocol import Flight, Side
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire.dissection import Dissection
from tlsdemo.wire.records import SENDERS, Sender


@dataclass
class _Told:
    """What was told of one conversation."""

    lines: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    records: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    kinds: set[type[Message]] = field(default_factory=set)


class Explainer:
    """Explains the conversations of one command."""

    def __init__(self) -> None:
        self._told: WeakKeyDictionary[Machine, _Told] = WeakKeyDictionary()

    def entries(self, machine: Machine, moment: Moment) -> list[Entry]:
        """One message, as the side of `machine` sees it: its line, what is in it, and the keys that follow from it."""
        told = self._told.setdefault(machine, _Told())
        found = [_line(machine, moment, told), self._message(machine, moment, told)]
        if isinstance(moment.message, ServerHello) and machine.shared and not moment.refused:
            found.append(_keys(machine))
        return found

    def _message(self, machine: Machine, moment: Moment, told: _Told) -> Entry:
        entry, kind = replace(_content(machine, moment), is_inside=True), type(moment.message)
        shown = (who(moment.message),) if isinstance(moment.message, Certificate) else ()
        if moment.refused:
            return replace(entry, notes=(*shown, f"REFUSED: {moment.refused}."))
        said = sentences(machine, moment)
        entry = replace(entry, checks=_checks(machine, moment))
        if kind in told.kinds:
            # The client's certificate comes after the server's: the result of its checks is new.
            return replace(entry, notes=(*shown, said.result) if shown else ())
        told.kinds.add(kind)
        return replace(entry, why=said.why, notes=(*shown, said.result), eavesdropper=said.eavesdropper)


def _line(machine: Machine, moment: Moment, told: _Told) -> Entry:
    """A line as it passed. One that carries a record has the parts of the record; others are messages themselves."""
    sender, message = moment.sender, moment.message
    told.lines[sender] += 1
    title = f"line {told.lines[sender]}, {values.amount(len(moment.raw))}"
    if not isinstance(message, Record):
        return Entry(Kind.RECORD, SENDERS[sender], f"{title}, not encrypted", data=moment.raw, is_text=True)
    number = told.records[sender]
    told.records[sender] += 1
    hidden = not isinstance(cipher_of(machine), Mac | Clear)
    key = f"the {sender.value}'s key" if machine.parts.rules.keys is of_its_own else "the key of both sides"
    counts = f", sequence number {number}" if machine.parts.rules.number is counted else ", no sequence number"
    how = f"encrypted with {key}{counts}" if hidden else f"not encrypted{counts}"
    tiles = json_rows.rows(moment.raw, message)
    inside = moment.inside if hidden else b""
    return Entry(
        Kind.RECORD, SENDERS[sender], f"{title}, {how}", "", moment.raw, tiles, hidden, decrypted=inside, is_text=True
    )


def _content(machine: Machine, moment: Moment) -> Entry:
    """The message in a line, or what is in a record: application data or an alert."""
    sender, message = SENDERS[moment.sender], moment.message
    if not isinstance(message, Record):
        kind = {Data: Kind.DATA, Alert: Kind.ALERT}.get(type(message), Kind.MESSAGE)
        tiles = json_rows.rows(moment.raw, message)
        return Entry(kind, sender, NAMES[type(message)], "", moment.raw, tiles, is_text=True)
    hidden = not isinstance(cipher_of(machine), Mac | Clear)
    data, is_alert = moment.inside[:-1], moment.inside[-1:] == bytes([Content.ALERT.value])
    kind, name = (Kind.ALERT, "alert") if is_alert else (Kind.DATA, "data")
    title = "alert" if is_alert else f"application data, {values.of_bytes(data)}"
    row = Row(0, len(data), 0, name, values.text(data), "")
    return Entry(kind, sender, title, "", data, (row,), hidden, is_text=True)


def _checks(machine: Machine, moment: Moment) -> tuple[Proof, ...]:
    """What this side has verified of a message of its peer. A message that fails is refused."""
    if moment.sender is machine.side:
        return ()
    match moment.message:
        case CertificateVerify():
            return (Proof(True, f"valid for the certificate's key and {covered(machine)}"),)
        case Finished(verify_data) if verify_data:
            return (Proof(True, f"equals the MAC over {covered(machine)}, with the {moment.sender.value}'s key"),)
    return ()


def _keys(machine: Machine) -> Entry:
    """The secrets after both hellos. Both sides have them."""
    master = extract(machine.randoms[Side.CLIENT] + machine.randoms[Side.SERVER], machine.shared)
    derived = [
        Derived("shared secret", f"computed in the group {values.cut(machine.parts.group.name, 40)}", machine.shared),
        Derived("master secret", "HKDF-Extract(client random + server random, shared secret)", master),
    ]
    for side in Side:
        keys = machine.parts.rules.keys(machine.secrets.traffic, side)
        label = next(each.value for each in Side if machine.secrets.traffic[each] == keys)
        derived += [
            Derived(
                f"{side.value} finished key",
                f'HKDF-Expand(master secret, "tlsdemo {side.value} finished", {HASH})',
                machine.secrets.finished[side],
            ),
            Derived(f"{side.value} key", f'HKDF-Expand(master secret, "tlsdemo {label} key", {KEY})', keys.key),
            Derived(f"{side.value} iv", f'HKDF-Expand(master secret, "tlsdemo {label} iv", {IV})', keys.iv),
        ]
    why = "Both sides derive all keys from the shared secret and the two random numbers (RFC 5869)."
    return Entry(Kind.KEYS, SENDERS[machine.side], "key schedule", why, derived=tuple(derived), hidden=True)


# A whole conversation -----------------------------------------------------------------------------------------------


def explanation(entries: Sequence[Entry], endpoint: Driver, chunks: Sequence[tuple[Sender, bytes]]) -> Explanation:
    """A conversation that is over, from its entries, the endpoint of this side and the bytes that passed."""
    negotiated, entries = endpoint.negotiated, (*entries, *_refusals(entries, chunks))
    total = sum(len(data) for _, data in chunks)
    explained = sum(len(each.data) for each in entries if each.kind is Kind.RECORD)
    problems = (f"not explained: {values.amount(total - explained)}",) if total > explained else ()
    return Explanation(
        entries,
        negotiated.get("version", ""),
        cipher_suite(negotiated) if negotiated else "",
        total,
        explained,
        tuple(dict.fromkeys(learned(chunks))),
        _ending(endpoint, entries),
        problems,
        Dissection((), (), {}),
        {},
        _seen_ending(endpoint, entries),
    )


def _refusals(entries: Sequence[Entry], chunks: Sequence[tuple[Sender, bytes]]) -> Iterator[Entry]:
    """The alerts in the clear that end a handshake: a `Watch` is not called with them."""
    told = {(each.sender, each.data) for each in entries if each.kind is Kind.RECORD}
    listener, numbers = LineEavesdropper(), dict.fromkeys(Side, 0)
    for heard in (each for sender, data in chunks for each in listener.hear(Flight(Side(sender), data))):
        numbers[heard.sender] += 1
        message, sender, line = message_in(heard.line), SENDERS[heard.sender], heard.line + b"\n"
        if isinstance(message, Alert) and (sender, line) not in told:
            title = f"line {numbers[heard.sender]}, {values.amount(len(line))}, not encrypted"
            yield Entry(Kind.RECORD, sender, title, data=line, is_text=True)
            yield Entry(Kind.ALERT, sender, NAMES[Alert], "", line, json_rows.rows(line, message), is_text=True)


def learned(chunks: Sequence[tuple[Sender, bytes]]) -> Iterator[str]:
    """What an eavesdropper without keys reads and computes, in sentences."""
    listener = LineEavesdropper()
    lengths: dict[Side, list[str]] = {side: [] for side in Side}
    for heard in (each for sender, data in chunks for each in listener.hear(Flight(Side(sender), data))):
        yield from heard.notes
        if heard.read:
            yield f"the eavesdropper reads application data of the {heard.sender.value}: {values.text(heard.read)}"
        match message_in(heard.line):
            case ClientHello(server_name=name) if name:
                yield f"the server name is in the clear: {printable(name)}"
            case Certificate() as certificate:
                yield f"the {heard.sender.value}'s certificate is in the clear: {who(certificate)}"
            case Record(sealed) if not heard.read:
                lengths[heard.sender].append(str(len(sealed)))
    for side, sizes in lengths.items():
        if sizes:
            yield f"the lengths and times of the {side.value}'s records are visible: {', '.join(sizes)} bytes"


def message_in(line: bytes) -> Message | None:
    """The message in a line without its newline; None if it is not one."""
    try:
        return messages.read(line)
    except ProtocolError:
        return None


def _ending(endpoint: Driver, entries: Sequence[Entry]) -> Ending:
    """How the conversation ended, as this side sees it."""
    mine, peer, error = endpoint.side.value, endpoint.side.other.value, endpoint.error
    if isinstance(error, ProtocolError):
        if error.violation is Violation.ALERT:
            what, _, detail = error.detail.partition(": ")
            return Ending(True, tuple(map(printable, filter(None, (f"the {peer} refused: alert {what}", detail)))))
        if error.violation is Violation.TRUNCATED:
            return Ending(True, (f"the {peer} closed the connection without close_notify (§6.1)",))
        refusal = f"the {mine} refused: alert {error.violation.alert}, {error.violation.sentence}"
        if error.check is None:
            return Ending(True, tuple(map(printable, filter(None, (refusal, error.detail)))))
        check = f"check {error.check.name} fails: {error.check.detail} ({error.check.section})"
        return Ending(True, (refusal, printable(check)), error.check.hint or "")
    if endpoint.ended:
        closed = dict.fromkeys(each.sender for each in entries if _description(each) == CLOSE_NOTIFY)
        return Ending(False, (f"normal: close_notify from {' and '.join(closed) or peer}",))
    return Ending(False, (CUT,))


CLOSE_NOTIFY = "close_notify"
CUT = "without close_notify: the connection was cut"


def _description(entry: Entry) -> str | None:
    """The name of an alert; None for another entry."""
    if entry.kind is not Kind.ALERT:
        return None
    shown = {row.name: row.value for row in entry.rows}
    return shown.get("description", shown.get("alert", "")).strip('"')


def _seen_ending(endpoint: Driver, entries: Sequence[Entry]) -> Ending:
    """How the conversation ended, for an eavesdropper: alerts that are encrypted it cannot read."""
    is_open = isinstance(endpoint, Machine) and is_undone(endpoint.parts.group)  # it computes the keys
    alerts = [(each.sender, what) for each in entries if (what := _description(each)) and (is_open or not each.hidden)]
    refused = [f"the {sender} refused: alert {what}" for sender, what in alerts if what != CLOSE_NOTIFY]
    hidden = 0 if is_open else sum(each.hidden for each in entries if each.kind is Kind.RECORD)
    if refused:
        return Ending(True, (refused[0],))
    if alerts:
        return Ending(
            False, (f"normal: close_notify from {' and '.join(dict.fromkeys(sender for sender, _ in alerts))}",)
        )
    if hidden:
        records = "1 record is" if hidden == 1 else f"{hidden:,} records are"
        return Ending(False, (f"unknown: {records} not decrypted, and an alert may be among them",))
    return Ending(False, (CUT,))
