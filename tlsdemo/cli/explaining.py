"""What `--explain` of `serve` and `connect` needs of `tlsdemo.explain`. EDGE."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO
from weakref import WeakKeyDictionary

from pki.keys import PrivateKey
from tlsdemo.driver import Driver, Moment, Watch
from tlsdemo.explain.conversation import Explanation, Own, explain
from tlsdemo.explain.failure import Trust
from tlsdemo.explain.text import EntryPrinter
from tlsdemo.first_bytes import EDUCATIONAL, identify
from tlsdemo.report.bytes import Style
from tlsdemo.wire.captures import Connection
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.records import Sender

WIDEST, USUAL, NARROWEST = 120, 100, 60  # columns


def style(stream: TextIO, *, brief: bool = False, der: bool = False) -> Style:
    """As wide as the terminal, within limits; USUAL columns without a terminal."""
    width = shutil.get_terminal_size((USUAL, 24)).columns if stream.isatty() else USUAL
    return Style(min(max(width, NARROWEST), WIDEST), brief, der)


@dataclass(frozen=True)
class Stream:
    """The bytes of a connection; each time it is iterated, they are read again."""

    connection: Connection

    def __iter__(self) -> Iterator[tuple[Sender, bytes]]:
        for chunk in self.connection.chunks:
            yield chunk.sender, chunk.data


def explained(
    connection: Connection,
    keys: KeyLog | None,
    trust: Trust | None,
    *,
    own: Own | None = None,
    server_key: PrivateKey | None = None,
    side: Sender | None = None,
    as_attacker: bool = False,
) -> Explanation:
    """A connection that is over: of TLS, or a capture of the educational handshake."""
    if _is_educational(connection):
        from tlsdemo.explain.educational_capture import explanation  # costs time that TLS need not wait for

        return explanation(Stream(connection), connection.lost)
    at = datetime.fromtimestamp(connection.chunks[0].time, UTC) if connection.chunks else datetime.now(UTC)
    return explain(
        Stream(connection),
        keys,
        at,
        trust,
        connection.lost,
        own=own,
        server_key=server_key,
        side=side,
        as_attacker=as_attacker,
    )


def _is_educational(connection: Connection) -> bool:
    """Whether the client begins with a line of JSON."""
    return bool(connection.chunks) and identify(connection.chunks[0].data) is EDUCATIONAL


def watching(say: Callable[..., None], stream: TextIO) -> Watch:
    """A watch of the educational handshake that passes the lines of each message to `say`, all in one call."""
    from tlsdemo.explain.educational import Explainer  # costs time that TLS need not wait for

    explainer, wide = Explainer(), style(stream)
    printers: WeakKeyDictionary[Driver, EntryPrinter] = WeakKeyDictionary()

    def watch(machine: Any, moment: Moment) -> None:
        printer = printers.setdefault(machine, EntryPrinter(wide))
        say(*(line for entry in explainer.entries(machine, moment) for line in printer.lines(entry)))

    return watch
