"""Keeps the bytes of a conversation while an endpoint holds it, in the order of the wire."""

from collections.abc import Callable, Mapping

from tlsdemo.protocol import Endpoint, Side
from tlsdemo.wire.records import Sender


class Tap:
    """An Endpoint that passes everything to another one, and keeps what was received and sent, with its time."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self.passed: list[tuple[Sender, bytes, float]] = []
        """Sender, bytes, and seconds since 1970."""

    def receive(self, data: bytes) -> None:
        self._keep(self.side.other, data)
        self._endpoint.receive(data)

    def outgoing(self) -> bytes:
        data = self._endpoint.outgoing()
        self._keep(self.side, data)
        return data

    def _keep(self, sender: Side, data: bytes) -> None:
        if data:
            self.passed.append(("client" if sender is Side.CLIENT else "server", data, self._clock()))

    @property
    def chunks(self) -> list[tuple[Sender, bytes]]:
        """Sender and bytes, in the order of the wire as this side sees it."""
        return [(sender, data) for sender, data, _ in self.passed]

    # The endpoint ----------------------------------------------------------------------------------------------------

    @property
    def side(self) -> Side:
        return self._endpoint.side

    @property
    def accepted(self) -> bool:
        return self._endpoint.accepted

    @property
    def error(self) -> Exception | None:
        return self._endpoint.error

    @property
    def delivered(self) -> bytes:
        return self._endpoint.delivered

    @property
    def ended(self) -> bool:
        return self._endpoint.ended

    @property
    def negotiated(self) -> Mapping[str, str]:
        return self._endpoint.negotiated

    def take(self) -> bytes:
        return self._endpoint.take()

    def receive_eof(self) -> None:
        self._endpoint.receive_eof()

    def send(self, data: bytes) -> None:
        self._endpoint.send(data)

    def close(self) -> None:
        self._endpoint.close()
