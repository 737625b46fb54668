"""Attackers on the records (RFC 3552 §3.3): what was said comes changed, twice, out of order, back, or in part.

None of them has a key. They know how such a conversation goes, and change bytes at places where it pays.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tlsdemo.attack.judge import Encounter, Loot
from tlsdemo.attack.passive import bodies, seen, talk
from tlsdemo.attack.world import BEFORE_PIN, DIGITS, RECEIPT, TAKEN_BACK, World
from tlsdemo.protocol import Flight, Framing, Protocol, Relay, Side

Deliveries = Iterable[tuple[Side, bytes]]
ORDER, ANSWER, ASKED, TAKEN = 1, 2, 3, 4  # the lines of the conversation
BLOCK = 16  # bytes, of AES


@dataclass
class OnLine(Relay):
    """Does something with what one side says in one line, and relays the rest."""

    line: int
    do: Callable[[Flight], Deliveries]
    sender: Side = Side.CLIENT

    def on_data(self, flight: Flight) -> Deliveries:
        """Only there."""
        if flight.sender is self.sender and flight.line == self.line:
            return self.do(flight)
        return [(flight.sender.other, flight.data)]


def rewrite(framing: Framing, data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A flight with other bodies in its records."""
    out = b""
    for record in framing.split(data):
        body = framing.body(record)
        out += record if body is None else framing.with_body(record, change(body))
    return out


def xor(*parts: bytes) -> bytes:
    """Byte by byte, as far as all of them go."""
    return bytes(_xored(column) for column in zip(*parts, strict=False))


def _xored(column: tuple[int, ...]) -> int:
    value = 0
    for each in column:
        value ^= each
    return value


def flip_bits(protocol: Protocol, world: World) -> Loot:
    """`PAY 0100` is to become `PAY 9100`: he flips two bits of a byte that he cannot read, where the 0 should be."""
    assert protocol.hooks.framing
    outcomes = [talk(protocol, world, flipper(protocol.hooks.framing, place)) for place in PLACES]
    return Loot(tuple(map(Encounter, outcomes)), did="he flips two bits: PAY 0100 is to become PAY 9100")


PLACES = 4, 12  # of the 0, at the beginning of the record; and behind a nonce of eight bytes


def flipper(framing: Framing, place: int) -> OnLine:
    """He changes that byte of the client's first words, and no other."""

    def flip(flight: Flight) -> Deliveries:
        mask = bytes(place) + bytes([ord("0") ^ ord("9")])
        return [(Side.SERVER, rewrite(framing, flight.data, lambda body: xor(body, mask.ljust(len(body), b"\0"))))]

    return OnLine(ORDER, flip)


def reorder(protocol: Protocol, world: World) -> Loot:
    """He sends the order twice; and in another conversation he swaps two records."""
    held: list[bytes] = []

    class Swap(Relay):
        def on_data(self, flight: Flight) -> Deliveries:
            if flight.sender is Side.CLIENT and flight.line == ASKED:
                held.append(flight.data)
                return []
            if flight.sender is Side.CLIENT and flight.line == TAKEN and held:
                return [(Side.SERVER, flight.data), (Side.SERVER, held.pop())]
            return [(flight.sender.other, flight.data)]

    outcomes = talk(protocol, world, repeater()), talk(protocol, world, Swap())
    return Loot(tuple(map(Encounter, outcomes)), did="he sends a record twice, and swaps two others")


def repeater() -> OnLine:
    """What the client says first arrives twice."""
    return OnLine(ORDER, lambda flight: [(Side.SERVER, flight.data)] * 2)


def truncate(protocol: Protocol, world: World) -> Loot:
    """`PAY 9000 to Mallory` - and cut, before `do not!`. If a cut is noticed, he makes up an end that somebody said."""
    assert protocol.hooks.framing
    framing = protocol.hooks.framing
    last = TAKEN_BACK[1]

    class Cut(Relay):
        def __init__(self, forge: Callable[[bytes], bytes] | None) -> None:
            self._forge = forge

        def on_data(self, flight: Flight) -> Deliveries:
            if flight.sender is Side.CLIENT and flight.line >= TAKEN:
                if self._forge and flight.line == TAKEN:
                    return [(Side.SERVER, rewrite(framing, flight.data, self._forge))]
                return []
            return [(flight.sender.other, flight.data)]

    def out_of_blocks(body: bytes) -> bytes:
        """In CBC mode: he knows what is in the block, and what should be; the difference goes into the vector."""
        vector, first = body[:BLOCK], body[BLOCK : 2 * BLOCK]
        return xor(vector, _padded(framing.inside(last)), _padded(framing.close)) + first

    forgeries = (None, lambda body: framing.close, out_of_blocks)
    outcomes = [talk(protocol, world, Cut(forge)) for forge in forgeries]
    return Loot(tuple(map(Encounter, outcomes)), did="he cuts the line in mid-sentence; then he forges an end")


def _padded(block: bytes) -> bytes:
    missing = BLOCK - len(block) % BLOCK
    return block + bytes([missing]) * missing


def reflect(protocol: Protocol, world: World) -> Loot:
    """What the client says comes back to it, too. And if both use a key and a number twice, he lays both records over
    each other: what he knows of the one gives away the other.
    """
    reflected = talk(protocol, world, Mirror())
    plain = talk(protocol, world)
    said, answered = (
        b"".join(bodies(protocol, [flight for flight in plain.tape if flight.line == line and flight.sender is side]))
        for line, side in ((ORDER, Side.CLIENT), (ANSWER, Side.SERVER))
    )
    did = "he sends the client its own record as an answer, and lays two records over each other"
    read = seen(protocol, plain.tape) + xor(said, answered, RECEIPT)
    return Loot((Encounter(reflected), Encounter(plain)), read, did=did)


class Mirror(Relay):
    """What the client says first comes back to it, in place of the answer."""

    def on_data(self, flight: Flight) -> Deliveries:
        """The server has its record, too; what it answers has a number that the client has heard by now."""
        if flight.line == ORDER and flight.sender is Side.CLIENT:
            return [(Side.SERVER, flight.data), (Side.CLIENT, flight.data)]
        if flight.line == ANSWER and flight.sender is Side.SERVER:
            return []
        return [(flight.sender.other, flight.data)]


# By asking ----------------------------------------------------------------------------------------------------------


def ask_about_the_padding(protocol: Protocol, world: World) -> Loot:
    """He changes a record, and listens how the server refuses it. If it says what was wrong, that is an answer.

    The client says the same in every conversation; each guess costs one (Vaudenay, 2002).
    """
    assert protocol.hooks.framing
    framing = protocol.hooks.framing
    tape: list[Flight] = []
    asked = 0

    def answer(change: Callable[[bytes], bytes]) -> tuple[int, ...]:
        """The lengths of what the server says to the changed record: he cannot read more of it."""
        nonlocal asked

        def do(flight: Flight) -> Deliveries:
            return [(Side.SERVER, rewrite(framing, flight.data, change))]

        outcome = talk(protocol, world, OnLine(ORDER, do))
        told[:] = [Encounter(outcome)]
        tape[:] = outcome.tape
        asked += 1
        return tuple(len(each.data) for each in tape if each.sender is Side.SERVER and each.line == ORDER)

    told: list[Encounter] = []
    bad_padding = answer(lambda body: _flipped(body, -BLOCK - 1))
    bad_text = answer(lambda body: _flipped(body, 0))
    read = seen(protocol, tape)
    if bad_padding == bad_text:  # it says the same to everything
        return Loot(tuple(told), read, did="he asks twice, and gets the same answer both times")

    def is_right(tail: bytes, block: int) -> bool:
        """Whether that block of what was said ends so."""

        def change(body: bytes) -> bytes:
            vector, target = body[BLOCK * block : BLOCK * (block + 1)], body[BLOCK * (block + 1) : BLOCK * (block + 2)]
            padding = bytes([len(tail)]) * len(tail)
            return vector[: -len(tail)] + xor(vector[-len(tail) :], tail, padding) + target

        return answer(change) != bad_padding

    first = _tail(is_right, 0, min(world.depth, 3))
    rest = _tail(is_right, 1, BLOCK)[: world.depth - 3] if world.depth > 3 and first else b""
    did = f"he changes the padding, and asks the server about it in {asked} conversations"
    return Loot(tuple(told), read, first + rest, did)


LIKELY = DIGITS + b"\n\x17\x01"  # then what stands at the end of a record


def _tail(is_right: Callable[[bytes, int], bool], block: int, length: int) -> bytes:
    """The last bytes of that block of what was said, one by one from the end; nothing if one is not to be found."""
    tail = b""
    everything = bytes(dict.fromkeys(LIKELY + bytes(range(256))))
    while len(tail) < length:
        found = next((bytes([guess]) for guess in everything if is_right(bytes([guess]) + tail, block)), None)
        if found is None:
            return b""
        tail = found + tail
    return tail


def _flipped(body: bytes, place: int) -> bytes:
    changed = bytearray(body)
    if -len(changed) <= place < len(changed):
        changed[place] ^= 0x80
    return bytes(changed)


def watch_the_lengths(protocol: Protocol, world: World) -> Loot:
    """He has the client say guesses of his beside its secret, and sees how long the records are (CRIME, 2012)."""
    framing, lengths, known = protocol.hooks.framing, dict[bytes, int](), b""

    class Scale(Relay):
        """Weighs what the client says; `guess` is what it was brought to say."""

        guess = b""

        def on_data(self, flight: Flight) -> Deliveries:
            if flight.sender is Side.CLIENT and self.guess:
                lengths[self.guess] = len(flight.data)
            return [(flight.sender.other, flight.data)]

    scale = Scale()

    def questions() -> Iterable[tuple[Side, bytes]]:
        """Whatever repeats the secret a little further is shorter; if nothing is, there is nothing to learn."""
        nonlocal known
        while len(known) < world.depth:
            lengths.clear()
            for digit in DIGITS:
                if digit not in known:
                    scale.guess = known + bytes([digit])
                    yield world.repeating((BEFORE_PIN + scale.guess)[-10:])
            scale.guess = b""
            shortest = [guess for guess, length in lengths.items() if length == min(lengths.values())]
            if len(shortest) != 1:
                return
            known = shortest[0]

    assert framing
    outcome = world.converse(protocol.client(world.client), protocol.server(world.server), scale, questions())
    did = "he has the client repeat guesses beside its secret, and watches the lengths"
    return Loot((Encounter(outcome),), seen(protocol, outcome.tape), known, did)
