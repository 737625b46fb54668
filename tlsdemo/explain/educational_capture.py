"""A capture of the educational handshake as entries. It has no key log: what is encrypted stays unreadable.

A conversation that is made now has more to tell: `educational` explains it with the state of one side.
"""

from collections.abc import Iterable, Iterator, Sequence

from pki.errors import printable
from tlsdemo.edu.eavesdropping import Heard, LineEavesdropper
from tlsdemo.edu.messages import NAMES, Alert, ClientHello, Data, Message, Record, ServerHello
from tlsdemo.explain import json_rows, values
from tlsdemo.explain.conversation import Entry, Explanation, Kind
from tlsdemo.explain.educational import learned, message_in
from tlsdemo.explain.failure import Ending
from tlsdemo.explain.rows import Row
from tlsdemo.protocol import Flight, Side
from tlsdemo.wire.dissection import Dissection
from tlsdemo.wire.records import SENDERS, Sender


def explanation(chunks: Iterable[tuple[Sender, bytes]], problems: Sequence[str] = ()) -> Explanation:
    """The explanation of a captured conversation. Never raises, for any bytes."""
    kept = list(chunks)
    listener = LineEavesdropper()
    heard = [each for sender, data in kept for each in listener.hear(Flight(Side(sender), data))]
    found = [(each, message_in(each.line)) for each in heard]
    entries = tuple(entry for each, message in found for entry in _entries(each, message))
    hellos = {type(message): message for _, message in found}
    client, server = hellos.get(ClientHello), hellos.get(ServerHello)
    total = sum(len(data) for _, data in kept)
    explained = sum(len(each.line) + 1 for each, message in found if message and not _is_hidden(each, message))
    return Explanation(
        entries,
        printable(client.rung) if isinstance(client, ClientHello) else "",
        printable(server.cipher) if isinstance(server, ServerHello) else "",
        total,
        explained,
        tuple(dict.fromkeys(learned(kept))),
        _ending(found),
        tuple(problems),
        Dissection((), (), {}),
        {},
    )


def _is_hidden(heard: Heard, message: Message) -> bool:
    """Whether it is a record that an eavesdropper cannot read."""
    return isinstance(message, Record) and not heard.read


def _entries(heard: Heard, message: Message | None) -> Iterator[Entry]:
    sender, raw = SENDERS[heard.sender], heard.line + b"\n"
    title = f"line, {len(raw)} bytes"
    if message is None:
        yield Entry(Kind.RECORD, sender, f"{title}, not a message of the educational handshake", "", raw, is_text=True)
        return
    tiles = json_rows.rows(raw, message)
    if isinstance(message, Record):
        hidden = _is_hidden(heard, message)
        how = "encrypted" if hidden else "not encrypted, or decrypted by an eavesdropper"
        yield Entry(Kind.RECORD, sender, f"{title}, {how}", "", raw, tiles, hidden, is_text=True)
        if heard.read:
            row = Row(0, len(heard.read), 0, "data", values.text(heard.read), "")
            yield Entry(Kind.DATA, sender, "application data", "", heard.read, (row,), is_text=True)
        return
    kind = {Data: Kind.DATA, Alert: Kind.ALERT}.get(type(message), Kind.MESSAGE)
    why = (type(message).__doc__ or "").partition("\n")[0]
    yield Entry(Kind.RECORD, sender, f"{title}, not encrypted", "", raw, is_text=True)
    yield Entry(kind, sender, NAMES[type(message)], why, raw, tiles, notes=heard.notes, is_text=True)


def _ending(found: Sequence[tuple[Heard, Message | None]]) -> Ending:
    alerts = [(each.sender.value, message) for each, message in found if isinstance(message, Alert)]
    refusals = [(sender, alert) for sender, alert in alerts if alert.description != "close_notify"]
    if refusals:
        sender, alert = refusals[0]
        detail = f": {printable(alert.detail)}" if alert.detail else ""
        return Ending(True, (f"the {sender} refused: alert {alert.description}{detail}",))
    if alerts:
        return Ending(False, (f"normal: close_notify from {' and '.join(dict.fromkeys(each for each, _ in alerts))}",))
    hidden = sum(_is_hidden(each, message) for each, message in found if message)
    if hidden:
        records = "1 record is" if hidden == 1 else f"{hidden} records are"
        how = f"unknown: {records} not decrypted, and an alert may be among them; this handshake has no key log"
        return Ending(False, (how,), "`tlsdemo connect --explain` decrypts the conversation that it makes")
    return Ending(False, ("without close_notify: the connection was cut, or the recording is incomplete",))
