"""An end of a conversation that only plays a recording."""

from collections.abc import Mapping, Sequence

from tlsdemo.protocol import Side


class Player:
    """An Endpoint that is none: it says again what a client has said, whatever it hears."""

    side = Side.CLIENT
    accepted = False
    error: Exception | None = None
    delivered = b""
    ended = False

    def __init__(self, flights: Sequence[bytes]) -> None:
        self._flights = list(flights)

    @property
    def negotiated(self) -> Mapping[str, str]:
        """Nothing: it understands nothing."""
        return {}

    def receive(self, data: bytes) -> None:
        """It does not listen."""

    def take(self) -> bytes:
        """Nothing was handed to an application."""
        return b""

    def receive_eof(self) -> None:
        """It does not listen."""

    def send(self, data: bytes) -> None:
        """It has nothing of its own to say."""

    def close(self) -> None:
        """It has nothing of its own to say."""

    def outgoing(self) -> bytes:
        """The next flight of the recording."""
        return self._flights.pop(0) if self._flights else b""
