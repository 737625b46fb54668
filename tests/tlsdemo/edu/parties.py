"""Two parties of a minted folder, an attacker who edits one line of JSON, and what a conversation is asked after it."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Credential, names
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import Record, encode
from tlsdemo.edu.protocol import CA, MUTUAL, SIGNED, edu
from tlsdemo.protocol import Attacker, Endpoint, Flight, Party, Protection, Side
from tlsdemo.violations import AnyViolation, ProtocolError, Violation

Edit = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]
Provocation = Callable[[Path], ProtocolError]


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


def fault(end: Endpoint) -> AnyViolation | None:
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


# Every way to misbehave, but for those that are found in reading one line -------------------------------------------


def edited(sender: Side, kind: str, claims: frozenset[Protection] = MUTUAL, **changes: Any) -> Provocation:
    """That message says something else when it arrives."""
    return sent_instead(sender, kind, lambda entries: [{**entries, **changes}], claims)


def sent_instead(sender: Side, kind: str, edit: Edit, claims: frozenset[Protection] = MUTUAL) -> Provocation:
    """Those messages arrive in place of that one."""
    return lambda certs: error_of(talk(*parties(certs), claims, Editor(sender, kind, edit))[sender.other])


def seen_by_client(change: Callable[[Path, Party, Party], tuple[Party, Party]]) -> Provocation:
    """One of the two is not as it should be, and the client finds out."""
    return lambda certs: error_of(talk(*change(certs, *parties(certs))).client)


def showing(credential: Callable[[Path, Credential], Credential | None]) -> Provocation:
    """The server shows another certificate."""

    def change(certs: Path, client: Party, server: Party) -> tuple[Party, Party]:
        assert server.credential
        return client, replace(server, credential=credential(certs, server.credential))

    return seen_by_client(change)


def a_record_of_no_kind(certs: Path) -> ProtocolError:
    client, server = connected(certs, MUTUAL)
    server.receive(encode(Record(client.channel._sending.seal(b"hello" + bytes([99])))))
    return error_of(server)


def no_client_certificate(certs: Path) -> ProtocolError:
    client, server = parties(certs)
    return error_of(talk(replace(client, credential=None), server, MUTUAL).client)


def a_certificate_for_ed448() -> x509.Certificate:
    """A key with which no conversation is signed here."""
    key, nobody, now = ed448.Ed448PrivateKey.generate(), x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(nobody).issuer_name(nobody).public_key(key.public_key())
    return builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(1)).sign(key, None)


def an_odd_key(certs: Path) -> ProtocolError:
    der = a_certificate_for_ed448().public_bytes(Encoding.DER)
    return edited(Side.SERVER, "certificate", SIGNED, chain=[der.hex()])(certs)


PROVOKED: Mapping[AnyViolation, Provocation] = {
    MessageViolation.NO_CIPHER: edited(Side.CLIENT, "client_hello", ciphers=["RC4"]),
    MessageViolation.OTHER_CIPHER: edited(Side.SERVER, "server_hello", cipher="RC4"),
    MessageViolation.OTHER_GROUP: edited(Side.CLIENT, "client_hello", group="ffdhe2048"),
    Violation.UNEXPECTED_MESSAGE: sent_instead(Side.CLIENT, "finished", lambda _: [{"type": "data", "text": "now!"}]),
    Violation.TRUNCATED: sent_instead(Side.SERVER, "finished", lambda _: []),
    Violation.ALERT: sent_instead(
        Side.SERVER, "finished", lambda _: [{"type": "alert", "description": "no", "detail": "not you"}]
    ),
    Violation.BAD_SHARE: edited(Side.CLIENT, "client_hello", share="00" * 32),
    Violation.BAD_SIGNATURE: edited(Side.CLIENT, "certificate_verify", signature="00" * 70),
    Violation.BAD_FINISHED: edited(Side.CLIENT, "finished", verify_data="00" * 32),
    Violation.BAD_RECORD: edited(Side.CLIENT, "record", sealed="00" * 20),
    Violation.BAD_CONTENT: a_record_of_no_kind,
    Violation.NO_CERTIFICATE: no_client_certificate,
    Violation.BAD_CERTIFICATE: edited(Side.SERVER, "certificate", chain=["3000"]),
    Violation.WEAK_KEY: an_odd_key,
    Violation.WRONG_PURPOSE: showing(lambda certs, _: parties(certs)[0].credential),
    Violation.FORGED: showing(lambda certs, _: read_credential(certs / "rogue/server.pem", certs / "rogue/server.key")),
    Violation.UNTRUSTED: showing(lambda _, own: replace(own, issuers=())),
    Violation.OUT_OF_DATE: seen_by_client(
        lambda _, client, server: (replace(client, clock=lambda: datetime.now(UTC) + timedelta(200)), server)
    ),
    Violation.WRONG_NAME: seen_by_client(
        lambda _, client, server: (replace(client, name=names.reference("shop.example")), server)
    ),
    Violation.REVOKED: seen_by_client(lambda _, client, server: (replace(client, crls=()), server)),
}
