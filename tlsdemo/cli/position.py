"""Shared by `eavesdrop` and `mitm`: the address to listen on, the address to forward to, and the run. EDGE."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pki.errors import ExitCode, Problem
from tlsdemo import net
from tlsdemo.cli.listening import Hosts, ListeningCommand, Result, address, bind
from tlsdemo.protocol import Attacker


@dataclass(frozen=True)
class Position:
    """The server's address, and the address to listen on."""

    upstream: net.Address
    hosts: Hosts
    port: int


def place(upstream: str, listen: str) -> Position:
    """The position for HOST:PORT and [HOST:]PORT. Problem for other text."""
    try:
        target = net.parse_address(upstream, "localhost", 4433)
        host, _, port = listen.rpartition(":")
        if not port or (":" in host and not host.startswith("[")):
            raise ValueError(f"{listen!r} has no port")
        own = net.parse_address(f"{host}:{1 if port == '0' else port}", "", 0)
    except ValueError as error:
        raise Problem(str(error), hint="use --upstream HOST:PORT and --listen PORT", code=ExitCode.USAGE) from None
    return Position(target, (own.host,) if own.host else None, 0 if port == "0" else own.port)


SERVER_PORT, ATTACKER_PORT = 4433, 4434  # the defaults of `serve`, and of `mitm` and `eavesdrop`
SERVE = "tlsdemo serve"


def server_command(upstream: net.Address, options: str = "") -> str:
    """The command that starts the server at this address; `options` are those of its protocol."""
    return f"{SERVE}{options}" + (f" --port {upstream.port}" if upstream.port != SERVER_PORT else "")


def not_connected(problem: Problem, upstream: net.Address, options: str = "") -> str:
    """Why the server could not be reached, and what to do. `options` are those of the server's protocol."""
    fact = ": ".join([problem.fact, *problem.evidence])
    return f"not connected: {fact}; {(problem.hint or '').replace(SERVE, server_command(upstream, options))}"


def run_on_path(
    where: Position,
    command: ListeningCommand,
    introduction: Callable[[net.Address], list[str]],
    on_line: Callable[[str], Attacker],
    on_end: Callable[[str, Attacker, Problem | None], Result],
    afterwards: Callable[[], Iterable[str]] = tuple,
) -> ExitCode:
    """Print `introduction`, forward connections until the command ends, print `afterwards`; the exit code.

    `on_line` makes the attacker of a connection from its peer's address. `on_end` prints how the conversation ended,
    and why the upstream could not be reached if so; it returns what --once answers.
    """

    def ended(peer: str, attacker: Attacker, problem: Problem | None) -> None:
        result: Result = ExitCode.CANNOT  # if on_end raises
        try:
            result = on_end(peer, attacker, problem)
        finally:
            command.conversation_ended(result)

    listener = bind(where.hosts, where.port, "--listen")
    middle = net.Middle(where.upstream, listener, on_line, ended)
    with command.open(middle.server):
        command.report.say(*introduction(address(where.hosts, listener.port)))
        middle.run()
        command.report.say(*afterwards())
    return command.exit_code()
