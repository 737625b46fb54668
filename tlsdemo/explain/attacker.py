"""What an eavesdropper without keys learns from a conversation."""

from collections.abc import Iterable, Sequence

from tlsdemo.protocol import Flight, Side
from tlsdemo.wire.records import Sender
from tlsdemo.wire.visible import visible


def learned(chunks: Iterable[tuple[Sender, bytes]]) -> tuple[str, ...]:
    """What stays visible, in sentences."""
    tape: Sequence[Flight] = [Flight(Side(sender), data) for sender, data in chunks]
    return visible(tape)
