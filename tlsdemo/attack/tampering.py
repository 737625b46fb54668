"""Attacks on records (RFC 3552 §3.3): data arrive changed, twice, out of order, reflected, or cut off.

The attacker has no key. It knows the conversation except for the secret, and so knows which bytes to change.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

from tlsdemo.attack.judge import AttackResult, Encounter
from tlsdemo.attack.passive import bodies, seen, talk
from tlsdemo.attack.world import BEFORE, BEFORE_PIN, DIGITS, RECEIPT, TAKEN_BACK, World
from tlsdemo.protocol import Flight, Framing, Protocol, Relay, Side

Deliveries = Iterable[tuple[Side, bytes]]
ORDER, ANSWER, ASKED, TAKEN = 1, 2, 3, 4  # the lines of the conversation
BLOCK = 16  # bytes, of AES


@dataclass
class OnLine(Relay):
    """Calls `do` with the flights of one side in one application line, and relays everything else."""

    line: int
    do: Callable[[Flight], Deliveries]
    sender: Side = Side.CLIENT

    def on_data(self, flight: Flight) -> Deliveries:
        if flight.sender is self.sender and flight.line == self.line:
            return self.do(flight)
        return [(flight.sender.other, flight.data)]


def rewrite(framing: Framing, data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The flight, with the body of each record changed."""
    out = b""
    for record in framing.split(data):
        body = framing.body(record)
        out += record if body is None else framing.with_body(record, change(body))
    return out


def xor(*parts: bytes) -> bytes:
    """The XOR of the parts, as long as the shortest."""
    return bytes(_xored(column) for column in zip(*parts, strict=False))


def _xored(column: tuple[int, ...]) -> int:
    value = 0
    for each in column:
        value ^= each
    return value


def flip_bits(protocol: Protocol, world: World) -> AttackResult:
    """The attacker flips two bits of a record, so that `PAY 0100` becomes `PAY 9100`."""
    assert protocol.hooks.framing
    framing = protocol.hooks.framing
    outcomes = [talk(protocol, world, flipper(framing, mask)) for mask in masks(framing)]
    return AttackResult(tuple(map(Encounter, outcomes)), did="flips two bits, to change PAY 0100 to PAY 9100")


def masks(framing: Framing) -> list[bytes]:
    """The bits in which `PAY 0100` and `PAY 9100` differ: at the beginning of a record, and after a nonce of 8 bytes.

    Compressed texts differ in other bits; the attacker compresses both texts itself, with an invented secret.
    """
    before, after = framing.inside(BEFORE + DIGITS), framing.inside(BEFORE.replace(b"0100", b"9100") + DIGITS)
    return [bytes(nonce) + xor(before, after) for nonce in (0, 8)]


def flipper(framing: Framing, mask: bytes) -> OnLine:
    """An attacker that flips these bits of the client's first record."""

    def flip(flight: Flight) -> Deliveries:
        return [(Side.SERVER, rewrite(framing, flight.data, lambda body: xor(body, mask.ljust(len(body), b"\0"))))]

    return OnLine(ORDER, flip)


def reorder(protocol: Protocol, world: World) -> AttackResult:
    """The attacker delivers a record twice; in another conversation it swaps two records."""
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
    return AttackResult(tuple(map(Encounter, outcomes)), did="delivers a record twice, and swaps two others")


def repeater() -> OnLine:
    """An attacker that delivers the client's first data twice."""
    return OnLine(ORDER, lambda flight: [(Side.SERVER, flight.data)] * 2)


def truncate(protocol: Protocol, world: World) -> AttackResult:
    """The attacker cuts the stream between `PAY 9000 to Mallory` and `: do not!`, and tries to forge a close."""
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
        """In CBC mode: XOR the known text of the block and the wanted text into the initialization vector."""
        vector, first = body[:BLOCK], body[BLOCK : 2 * BLOCK]
        return xor(vector, _padded(framing.inside(last)), _padded(framing.close)) + first

    forgeries = (None, lambda body: framing.close, out_of_blocks)
    outcomes = [talk(protocol, world, Cut(forge)) for forge in forgeries]
    return AttackResult(tuple(map(Encounter, outcomes)), did="cuts the stream in mid-message, and then forges a close")


def _padded(block: bytes) -> bytes:
    missing = BLOCK - len(block) % BLOCK
    return block + bytes([missing]) * missing


def reflect(protocol: Protocol, world: World) -> AttackResult:
    """The attacker sends the client's record back to the client, and XORs a record of each side.

    If both sides use the same key and nonce, the XOR of two records is the XOR of their texts. The attacker knows the
    server's text, and computes the client's.
    """
    plain = talk(protocol, world)
    reflected = talk(protocol, world, Mirror())
    said, answered = (
        b"".join(bodies(protocol, [flight for flight in plain.tape if flight.line == line and flight.sender is side]))
        for line, side in ((ORDER, Side.CLIENT), (ANSWER, Side.SERVER))
    )
    did = "sends the client its own record as the answer, and XORs two records"
    read = seen(protocol, plain.tape) + b"\n" + xor(said, answered, RECEIPT)
    return AttackResult((Encounter(plain), Encounter(reflected)), read, did=did)


class Mirror(Relay):
    """Sends the client's first data back to it, in place of the server's answer."""

    def on_data(self, flight: Flight) -> Deliveries:
        """Deliver the record to both sides; drop the answer, whose record number the client has already received."""
        if flight.line == ORDER and flight.sender is Side.CLIENT:
            return [(Side.SERVER, flight.data), (Side.CLIENT, flight.data)]
        if flight.line == ANSWER and flight.sender is Side.SERVER:
            return []
        return [(flight.sender.other, flight.data)]


# By asking ----------------------------------------------------------------------------------------------------------


def ask_about_the_padding(protocol: Protocol, world: World) -> AttackResult:
    """The attacker changes a record, and learns from the refusal whether the padding was valid (Vaudenay, 2002).

    The client sends the same text in every conversation; each guess costs one conversation.
    """
    assert protocol.hooks.framing
    framing = protocol.hooks.framing
    tape: list[Flight] = []
    asked = 0

    def answer(change: Callable[[bytes], bytes]) -> tuple[int, ...]:
        """The lengths of the server's answers to the changed record; the attacker cannot read more of them."""
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
    if bad_padding == bad_text:  # the refusals do not differ
        return AttackResult(tuple(told), read, did="sends two invalid records, and gets the same answer to both")
    if BEFORE in read:
        return AttackResult(
            tuple(told), read, did="sends two invalid records, and sees that the record is not encrypted"
        )

    def is_right(tail: bytes, block: int) -> bool:
        """Whether that block of the text ends with `tail`."""

        def change(body: bytes) -> bytes:
            vector, target = body[BLOCK * block : BLOCK * (block + 1)], body[BLOCK * (block + 1) : BLOCK * (block + 2)]
            padding = bytes([len(tail)]) * len(tail)
            return vector[: -len(tail)] + xor(vector[-len(tail) :], tail, padding) + target

        return answer(change) != bad_padding

    recovered = _asked(is_right, framing, world)
    did = f"changes the padding, and reads the server's refusals in {asked} conversations"
    return AttackResult(tuple(told), read, recovered, did)


SAMPLES = 64  # enough for every pair of digits to be likely at every place


def _asked(is_right: Callable[[bytes, int], bool], framing: Framing, world: World) -> bytes:
    """The beginning of the secret, `world.depth` bytes of it; empty if a byte is not found.

    The attacker invents secrets to see which bytes such a record can contain, and which are the same for every secret.
    The others are recovered block by block, until the text can be decompressed.
    """
    samples = [_padded(framing.inside(world.again().lines[0][1])) for _ in range(SAMPLES)]
    columns = [bytes(dict.fromkeys(column)) for column in zip(*samples, strict=False)]  # likely bytes, by place
    recovered = b""
    while len(recovered) < len(columns):
        while len(columns[len(recovered)]) == 1:
            recovered += columns[len(recovered)]
        block = len(recovered) // BLOCK
        tail = _tail(is_right, block, columns[len(recovered) : BLOCK * (block + 1)])
        if not tail:
            return b""
        recovered += tail
        words = framing.words(recovered)
        if words.startswith(BEFORE) and len(words) >= len(BEFORE) + world.depth:
            return words[len(BEFORE) :][: world.depth]
    return b""


def _tail(is_right: Callable[[bytes, int], bool], block: int, likely: Sequence[bytes]) -> bytes:
    """The last bytes of that block of the text, recovered one by one from the end; empty if one is not found.

    `likely` holds, for each of these bytes, the guesses to try first.
    """
    tail = b""
    for column in reversed(likely):
        guesses = dict.fromkeys(column + bytes(range(256)))
        found = next((bytes([guess]) for guess in guesses if is_right(bytes([guess]) + tail, block)), None)
        if found is None:
            return b""
        tail = found + tail
    return tail


def _flipped(body: bytes, place: int) -> bytes:
    changed = bytearray(body)
    if -len(changed) <= place < len(changed):
        changed[place] ^= 0x80
    return bytes(changed)


def watch_the_lengths(protocol: Protocol, world: World) -> AttackResult:
    """The attacker makes the client send guesses beside its secret, and compares the record lengths (CRIME, 2012)."""
    framing, known = protocol.hooks.framing, b""

    class Scale(Relay):
        """Adds up the lengths of the client's records."""

        total = 0

        def on_data(self, flight: Flight) -> Deliveries:
            self.total += len(flight.data) * (flight.sender is Side.CLIENT)
            return [(flight.sender.other, flight.data)]

    scale = Scale()

    def weigh(*texts: bytes) -> Generator[tuple[Side, bytes], None, int]:
        """The total length of the records in which the client sends these texts beside its secret."""
        scale.total = 0
        for text in texts:
            yield world.repeating(text)
        return scale.total

    def questions() -> Generator[tuple[Side, bytes], None, None]:
        """A guess that repeats one more byte of the secret is shorter, in one record or over all fillers."""
        nonlocal known
        equal = yield from weigh(FILLER[:1] * len(FILLER))
        different = yield from weigh(FILLER)
        while equal < different and len(known) < world.depth:
            for fillers in ((b"",), [FILLER[:length] for length in range(BLOCK)]):
                lengths: dict[bytes, int] = {}
                for guess in (known + bytes([digit]) for digit in DIGITS if digit not in known):
                    text = (BEFORE_PIN + guess)[-10:]
                    lengths[guess] = yield from weigh(*(filler + text for filler in fillers))
                shortest = [guess for guess, length in lengths.items() if length == min(lengths.values())]
                if len(shortest) == 1:
                    break
            else:
                return
            known = shortest[0]

    assert framing
    outcome = world.converse(protocol.client(world.client), protocol.server(world.server), scale, questions())
    did = "makes the client send guesses beside its secret, and compares the lengths"
    return AttackResult((Encounter(outcome),), seen(protocol, outcome.tape), known, did)


FILLER = b"QWERTZUIOASDFGHJKLYXCVBNM"
"""Letters that occur nowhere else, each once. A prefix of them moves the end of a text past a block boundary."""
