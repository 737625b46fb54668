"""What `eavesdrop` and `mitm` share: a place on the line between a client and a server. EDGE."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pki.errors import ExitCode, Problem, cannot
from tlsdemo import net
from tlsdemo.cli.exposure import warn_if_exposed
from tlsdemo.cli.reporter import Reporter
from tlsdemo.protocol import Attacker


@dataclass(frozen=True)
class Position:
    """Where he sits: what he forwards to, and where he listens."""

    upstream: net.Address
    hosts: tuple[str, ...] | None
    port: int


def place(upstream: str, listen: str) -> Position:
    """From HOST:PORT and [HOST:]PORT; a Problem if they are not."""
    try:
        target = net.parse_address(upstream, "localhost", 4433)
        host, _, port = listen.rpartition(":")
        if not port or (":" in host and not host.startswith("[")):
            raise ValueError(f"{listen!r} names no port")
        own = net.parse_address(f"{host}:{1 if port == '0' else port}", "", 0)
    except ValueError as error:
        raise Problem(str(error), hint="--upstream HOST:PORT, --listen PORT", code=ExitCode.USAGE) from None
    return Position(target, (own.host,) if own.host else None, 0 if port == "0" else own.port)


def sit(
    where: Position,
    report: Reporter,
    introduction: Callable[[net.Address], list[str]],
    on_line: Callable[[str], Attacker],
    on_end: Callable[[net.Middle, str, Attacker, Problem | None], None],
    afterwards: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Forward until a signal, or until `on_end` stops it; then print `afterwards`, and end the report."""
    listener = net.listen(where.hosts or net.DEFAULT_HOSTS, where.port)
    middle = net.Middle(where.upstream, listener, on_line, lambda *ended: on_end(middle, *ended))
    report.when_it_fails(middle.stop)
    with net.until_signalled(middle.server):
        for host in listener.without:
            report.note(f"this machine has no {host}: listening on {', '.join(listener.hosts)} alone")
        warn_if_exposed(listener.hosts)
        report.say(*introduction(net.Address("localhost" if where.hosts is None else where.hosts[0], listener.port)))
        middle.run()
        report.say(*afterwards())
        report.close()
    if report.failure:
        raise cannot("write the output", report.failure)
