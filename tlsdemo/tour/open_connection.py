"""An open connection, multiplication, Diffie-Hellman: the educational handshake, in memory."""

import json
from dataclasses import replace

from pki.errors import printable
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.edu.eavesdropping import read as overhear
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.protocol import DH, MULTIPLY, PLAIN, edu
from tlsdemo.key_agreement import FiniteField, Multiplication
from tlsdemo.protocol import Flight, Protection, Protocol, Side
from tlsdemo.tour.stage import MESSAGE, Stage, claim

LINE = [(Side.CLIENT, MESSAGE.encode() + b"\n")]
TINY = FiniteField(1009, 11)


def talk(stage: Stage, client: Protocol, server: Protocol | None = None) -> Outcome:
    """A conversation without an attacker: the client sends one line."""
    anonymous = replace(stage.asking, credential=None)
    ends = client.client(anonymous), (server or client).server(replace(stage.answering, credential=None))
    outcome = converse(*ends, lines=LINE)
    claim(outcome.server.delivered == LINE[0][1], f"client and server did not agree: {outcome.client.error}")
    return outcome


def show_lines(stage: Stage, tape: list[Flight], *wanted: str) -> None:
    """The messages of some types, as they were sent; long values are cut."""
    for flight in tape:
        for line in flight.data.splitlines():
            entries = json.loads(line)
            if entries["type"] in wanted:
                said = ", ".join(
                    f"{name} {_short(value)}" for name, value in entries.items() if name in ("share", "text", "sealed")
                )
                stage.screen.show(f"from the {flight.sender.value}", f"{entries['type']}  {said}".rstrip())


def _short(value: str) -> str:
    text = printable(value.removesuffix("\n"))
    return text if len(text) <= 48 else f"{text[:20]}… ({len(text) // 2} bytes)"


def open_line(stage: Stage) -> None:
    """Rung `plain`."""
    screen = stage.screen
    screen.say(
        """A secure channel solves two problems: who can read the messages, and who is at the other end? The first
        attempt solves neither. Client and server exchange lines of JSON:"""
    )
    outcome = talk(stage, edu(PLAIN))
    show_lines(stage, outcome.tape, "client_hello", "server_hello", "data")
    heard = b"".join(flight.data for flight in outcome.tape)
    claim(MESSAGE.encode() in heard, "the message was not sent in the clear")
    screen.bad("An eavesdropper reads every word.")


def multiplication(stage: Stage) -> None:
    """Rung `multiply`, with the numbers of the story."""
    screen = stage.screen
    screen.say(
        """Client and server negotiate a secret over the open connection. The number 300 is public. Each side chooses a
        secret number, multiplies the two, and sends the product:"""
    )
    client, server = (edu(MULTIPLY, group=Multiplication(secret=secret)) for secret in (5, 7))
    outcome = talk(stage, client, server)
    show_lines(stage, outcome.tape, "client_hello", "server_hello")
    screen.show("the client", "chose 5, received 2100, computes 5 x 2100 = 10500")
    screen.show("the server", "chose 7, received 1500, computes 7 x 1500 = 10500")
    mine, its = (outcome[side] for side in Side)
    assert isinstance(mine, Machine)
    assert isinstance(its, Machine)
    claim(int.from_bytes(mine.shared) == int.from_bytes(its.shared) == 10500, "they do not share 10500")
    screen.good("Both have 10500, and neither has sent it. It becomes the key of a strong cipher:")
    show_lines(stage, [flight for flight in outcome.tape if flight.line == 1], "record")
    screen.say("But an eavesdropper has recorded everything:")
    listener = LineEavesdropper()
    for flight in outcome.tape:
        for heard in listener.hear(flight):
            for note in heard.notes[:2]:
                screen.show("the eavesdropper", note)
            if heard.sender is Side.CLIENT and heard.read:
                screen.show("and decrypts", printable(heard.read.decode().strip()))
    claim(MESSAGE.encode() in overhear(outcome.tape), "the eavesdropper could not read the message")
    screen.bad("The cipher was not broken. The secret was: one division undoes a multiplication.")


def diffie_hellman(stage: Stage) -> None:
    """Rung `dh`, with a strong group and with a tiny one."""
    screen = stage.screen
    screen.say(
        """The secret needs an operation that is easy to do and infeasible to undo. Diffie and Hellman used powers
        modulo a prime. Today most protocols use points on a curve (here X25519). The rest does not change:"""
    )
    outcome = talk(stage, edu(DH))
    show_lines(stage, outcome.tape, "client_hello", "server_hello")
    show_lines(stage, [flight for flight in outcome.tape if flight.line == 1], "record")
    tape = b"".join(flight.data for flight in outcome.tape)
    screen.show("still visible", f"the name {stage.name}, the time, {len(tape)} bytes, the message's length")
    claim(MESSAGE.encode() not in tape + overhear(outcome.tape), "the eavesdropper has read it")
    tiny = talk(stage, edu(DH - {Protection.STRONG_GROUP}, group=TINY))
    claim(MESSAGE.encode() in overhear(tiny.tape), "the eavesdropper could not break the tiny group")
    notes = [note for heard in _hear(tiny.tape) for note in heard]
    screen.show("with a tiny prime", notes[0])
    screen.good("The first problem is solved if the group is strong: an eavesdropper cannot read the messages.")


def _hear(tape: list[Flight]) -> list[tuple[str, ...]]:
    listener = LineEavesdropper()
    return [heard.notes for flight in tape for heard in listener.hear(flight) if heard.notes]
