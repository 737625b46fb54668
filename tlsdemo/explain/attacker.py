"""What an eavesdropper without keys learns from a conversation."""

from collections.abc import Iterable

from tlsdemo.protocol import Flight, Side
from tlsdemo.wire.records import Sender
from tlsdemo.wire.visible import visible

MOST = 1 << 20  # bytes of each side that are looked at


def learned(chunks: Iterable[tuple[Sender, bytes]]) -> tuple[str, ...]:
    """What stays visible, in sentences."""
    tape: list[Flight] = []
    left = dict.fromkeys(Side, MOST)
    for sender, data in chunks:
        side = Side(sender)
        if left[side] > 0:
            tape.append(Flight(side, data[: left[side]]))
        left[side] -= len(data)
    more = [f"further records of the {side.value} are visible in the same way" for side in Side if left[side] < 0]
    return (*visible(tape), *more)
