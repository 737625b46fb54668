"""An endpoint that only sends a recording."""

from collections.abc import Mapping, Sequence

from tlsdemo.protocol import Side


class Player:
    """Sends a client's recorded flights again, and ignores the answers."""

    side = Side.CLIENT
    accepted = False
    error: Exception | None = None
    delivered = b""
    ended = False

    def __init__(self, flights: Sequence[bytes]) -> None:
        self._flights = list(flights)

    @property
    def negotiated(self) -> Mapping[str, str]:
        return {}

    def receive(self, data: bytes) -> None: ...

    def take(self) -> bytes:
        return b""

    def receive_eof(self) -> None: ...

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def outgoing(self) -> bytes:
        """The next flight of the recording."""
        return self._flights.pop(0) if self._flights else b""
