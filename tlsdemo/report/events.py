"""A server's events as lines for people, and as objects for programs."""

import json
from enum import Enum
from typing import Any

from pki.errors import printable
from tlsdemo.events import Agreed, Closed, Dropped, Ending, Event, Listening, Refused, Said, Silent, Warned
from tlsdemo.peer import listed
from tlsdemo.protocol import Side

ENDINGS = {
    Ending.ANSWERED: "answered, and closed",
    Ending.LEFT: "closed by the client before its message was complete",
    Ending.CUT: "closed without close_notify",
}


def as_line(event: Event) -> str:
    """One line: the peer, and the event. Text from the peer is escaped."""
    match event:
        case Listening(protocol, host, port):
            return f"listening on {f'[{host}]' if ':' in host else host}:{port} ({protocol})"
        case Agreed(peer, version, cipher, client, unreadable, proved):
            who = "the client is not authenticated" if client is None else f"the client is {listed(client)}"
            if unreadable:
                who = f"the names in the client's certificate cannot be read: {printable(unreadable)}"
            who += "" if proved or client is None else " (not proved)"
            return f"{peer}  connected with {version}, {cipher}; {who}"
        case Said(peer, text):
            return f"{peer}  received: {printable(text)}"
        case Closed(peer, Ending.LEFT, 0):
            return f"{peer}  closed by the client without sending data; {_bytes(0)}"
        case Closed(peer, ending, count):
            return f"{peer}  {ENDINGS[ending]}; {_bytes(count)}"
        case Refused(peer, by, _, reason, count):
            who = "REFUSED by the client" if by is Side.CLIENT else "REFUSED by this server"
            return f"{peer}  {who}: {printable(reason)}; {_bytes(count)}"
        case Silent(peer, seconds):
            return f"{peer}  sent nothing for {seconds:g} s, and was closed"
        case Warned(sentence):
            return printable(sentence)
        case Dropped(lines):
            return f"{lines} line{'' if lines == 1 else 's'} dropped: the reader of this output did not keep up"


def as_json(event: Event) -> str:
    """One JSON object on one line (schema 2)."""
    return json.dumps({"schema": 2, "event": type(event).__name__.lower(), **_fields(event)})


def _fields(event: Event) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in vars(event).items()}


def _bytes(count: int) -> str:
    return f"{count} application byte{'' if count == 1 else 's'} received"
