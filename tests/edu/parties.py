"""Two parties of a minted folder, and an attacker who edits one line of JSON."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from pki import names
from pki.files import read_certificates, read_credential, read_crls
from tlsdemo.protocol import Flight, Party, Side

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
