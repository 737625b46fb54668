"""Two parties of a minted folder, an attacker who edits one line of JSON, and what a conversation is asked after it."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from pki import names
from pki.files import read_certificates, read_credential, read_crls
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.rungs import CA, edu
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.protocol import Attacker, Endpoint, Flight, Outcome, Party, Protection, Side, converse

Edit = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]


def parties(certs: Path, seed: int | None = None) -> tuple[Party, Party]:
    """Client and server; with a seed, at a fixed time and with known randomness."""
    root, crls = read_certificates(certs / "root.pem"), read_crls(certs / "crl.pem")
    now, random = datetime.now(UTC), Random(seed)

    def party(name: str) -> Party:
        credential = read_credential(certs / f"{name}.pem", certs / f"{name}.key")
        asked = names.reference("localhost") if name == "client" else None
        return Party(lambda: now, random.randbytes, credential, root, crls, asked)

    return party("client"), party("server")


@dataclass
class Editor:
    """Edits one message: the first of that type by that sender becomes what `edit` makes of it, none or several."""

    sender: Side
    kind: str
    edit: Edit
    done: bool = field(default=False, init=False)

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        out = b""
        for line in flight.data.splitlines(keepends=True):
            entries = json.loads(line)
            if flight.sender is self.sender and entries["type"] == self.kind and not self.done:
                self.done = True
                out += b"".join(json.dumps(edited).encode() + b"\n" for edited in self.edit(entries))
            else:
                out += line
        return [(flight.sender.other, out)] if out else []

    def on_eof(self, sender: Side) -> Iterable[Side]:
        return [sender.other]


# A conversation, and what it is asked afterwards --------------------------------------------------------------------

ORDER = (Side.CLIENT, b"PAY 100\n")
RECEIPT = (Side.SERVER, b"paid\n")
LINES = (ORDER, RECEIPT)


def talk(
    client: Party,
    server: Party,
    claims: frozenset[Protection] = CA,
    attacker: Attacker | None = None,
    lines: Sequence[tuple[Side, bytes]] = LINES,
) -> Outcome:
    """A whole conversation with these protections."""
    protocol = edu(claims)
    return converse(protocol.client(client), protocol.server(server), attacker, lines)


def seeded(certs: Path, seed: int) -> tuple[Party, Party]:
    """Client and server, each with known randomness of its own: what one of them says can be played to its double."""
    client, server = parties(certs)
    return (
        replace(client, random=Random(f"client {seed}").randbytes),
        replace(server, random=Random(f"server {seed}").randbytes),
    )


def connected(certs: Path, claims: frozenset[Protection]) -> tuple[Machine, Machine]:
    """Client and server with the handshake behind them, and nothing on the line."""
    one, other = parties(certs)
    client, server = machine(edu(claims).client(one)), machine(edu(claims).server(other))
    server.receive(client.outgoing())
    client.receive(server.outgoing())
    server.receive(client.outgoing())
    assert client.accepted
    assert server.accepted
    return client, server


def machine(end: Endpoint) -> Machine:
    """What every end of the educational handshake is."""
    assert isinstance(end, Machine)
    return end


def error_of(end: Endpoint) -> ProtocolError:
    """It failed, and by the fault of the other side."""
    assert isinstance(end.error, ProtocolError), end.error
    return end.error


def fault(end: Endpoint) -> Violation | None:
    """What it has found, if anything."""
    return error_of(end).violation if end.error else None


@dataclass(frozen=True)
class Said:
    """One line of the handshake, and all that had passed before it."""

    sender: Side
    entries: dict[str, Any]
    line: bytes
    before: bytes

    @property
    def kind(self) -> str:
        """`server_hello`."""
        return str(self.entries["type"])

    def __str__(self) -> str:
        return f"{self.sender.value} {self.kind}"


def handshake_of(outcome: Outcome) -> list[Said]:
    """The lines of the handshake, as they were put on the wire."""
    said, before = [], b""
    for flight in outcome.tape:
        for line in flight.data.splitlines(keepends=True) if flight.line == 0 else ():
            said.append(Said(flight.sender, json.loads(line), line, before))
            before += line
    return said


def said_by(outcome: Outcome, sender: Side, kind: str) -> Said:
    """The one message of that type by that side."""
    (found,) = (said for said in handshake_of(outcome) if (said.sender, said.kind) == (sender, kind))
    return found


def believed(outcome: Outcome) -> bool:
    """Both sides are content, and each has heard what the other one said."""
    ends = (outcome.client, outcome.server)
    return all(end.accepted and end.ended and not end.error for end in ends) and (
        (outcome.client.delivered, outcome.server.delivered) == (RECEIPT[1], ORDER[1])
    )
