"""The open line, and how far two get who have nothing but arithmetic: the educational handshake, in memory."""

import json
from dataclasses import replace

from pki.errors import printable
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.eavesdropping import LineEavesdropper
from tlsdemo.edu.eavesdropping import read as overhear
from tlsdemo.edu.key_agreement import FiniteField, Multiplication
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.protocol import DH, MULTIPLY, PLAIN, edu
from tlsdemo.protocol import Flight, Protection, Protocol, Side
from tlsdemo.tour.stage import MESSAGE, Stage, claim

LINE = [(Side.CLIENT, MESSAGE.encode() + b"\n")]
TINY = FiniteField(1009, 11)


def talk(stage: Stage, client: Protocol, server: Protocol | None = None) -> Outcome:
    """An honest conversation: one line from the client."""
    anonymous = replace(stage.asking, credential=None)
    ends = client.client(anonymous), (server or client).server(replace(stage.answering, credential=None))
    outcome = converse(*ends, lines=LINE)
    claim(outcome.server.delivered == LINE[0][1], f"the two did not come together: {outcome.client.error}")
    return outcome


def show_lines(stage: Stage, tape: list[Flight], *wanted: str) -> None:
    """The messages of some types, as they passed, without what is too long to read."""
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
        """There are two problems: who listens, and who is it at the other end? At first they just talk, in lines of
        JSON that anybody can read:"""
    )
    outcome = talk(stage, edu(PLAIN))
    show_lines(stage, outcome.tape, "client_hello", "server_hello", "data")
    heard = b"".join(flight.data for flight in outcome.tape)
    claim(MESSAGE.encode() in heard, "the message was not on the line")
    screen.bad("Whoever sits on the line has every word.")


def multiplication(stage: Stage) -> None:
    """Rung `multiply`, with the numbers of the story."""
    screen = stage.screen
    screen.say(
        """So they negotiate a secret, in the open. A number is known to all: 300. Each thinks of one more, multiplies,
        and sends the product:"""
    )
    client, server = (edu(MULTIPLY, group=Multiplication(secret=secret)) for secret in (5, 7))
    outcome = talk(stage, client, server)
    show_lines(stage, outcome.tape, "client_hello", "server_hello")
    screen.show("the client", "thought of 5, got 2100, and has 5 x 2100 = 10500")
    screen.show("the server", "thought of 7, got 1500, and has 7 x 1500 = 10500")
    mine, its = (outcome[side] for side in Side)
    assert isinstance(mine, Machine)
    assert isinstance(its, Machine)
    claim(int.from_bytes(mine.shared) == int.from_bytes(its.shared) == 10500, "they do not share 10500")
    screen.good("Both have 10500, and neither has sent it. It becomes the key of a good cipher:")
    show_lines(stage, [flight for flight in outcome.tape if flight.line == 1], "record")
    screen.say("But somebody has listened:")
    listener = LineEavesdropper()
    for flight in outcome.tape:
        for heard in listener.hear(flight):
            for note in heard.notes[:2]:
                screen.show("the eavesdropper", note)
            if heard.sender is Side.CLIENT and heard.read:
                screen.show("and reads", printable(heard.read.decode().strip()))
    claim(MESSAGE.encode() in overhear(outcome.tape), "he could not read it")
    screen.bad("The cipher was never touched. What was easy to mix was easy to separate.")


def diffie_hellman(stage: Stage) -> None:
    """Rung `dh`, with a strong group and with a tiny one."""
    screen = stage.screen
    screen.say(
        """What is needed is easy to mix and hopeless to separate. Diffie and Hellman took powers modulo a prime; today
        it is points of a curve (X25519). The rest stays as it was:"""
    )
    outcome = talk(stage, edu(DH))
    show_lines(stage, outcome.tape, "client_hello", "server_hello")
    show_lines(stage, [flight for flight in outcome.tape if flight.line == 1], "record")
    tape = b"".join(flight.data for flight in outcome.tape)
    screen.show("he still sees", f"the name {stage.name}, when, and {len(tape)} bytes; of the message, its length")
    claim(MESSAGE.encode() not in tape + overhear(outcome.tape), "the eavesdropper has read it")
    tiny = talk(stage, edu(DH - {Protection.STRONG_GROUP}, group=TINY))
    claim(MESSAGE.encode() in overhear(tiny.tape), "he could not break the tiny group")
    notes = [note for heard in _hear(tiny.tape) for note in heard]
    screen.show("with a tiny prime", notes[0])
    screen.good("The first problem is solved, if the group is strong: an eavesdropper does not learn what is said.")


def _hear(tape: list[Flight]) -> list[tuple[str, ...]]:
    listener = LineEavesdropper()
    return [heard.notes for flight in tape for heard in listener.hear(flight) if heard.notes]
