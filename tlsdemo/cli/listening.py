"""One run of a command that listens: `serve`, `mitm`, `eavesdrop` and `lab`. EDGE.

    bound port -> SIGINT and SIGTERM stop it -> warnings -> banner -> conversations -> output written -> exit code

The command builds the server, prints its own banner, and reports how each conversation ended. The rest is here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pki.errors import ExitCode, Problem, cannot
from tlsdemo import net
from tlsdemo.cli.exposure import warn_if_exposed
from tlsdemo.cli.reporter import Reporter

Hosts = tuple[str, ...] | None
"""The hosts that the user named; None for the default, 127.0.0.1 and ::1."""
Result = ExitCode | Problem
"""The result of a conversation for --once: an exit code, or a Problem to raise."""


def bind(hosts: Hosts, port: int, option: str = "--port") -> net.Listener:
    """Listening sockets on these hosts; port 0 takes a free one. A Problem if a host or the port cannot be bound.

    `option` is the option of the command that names the port.
    """
    return net.listen(hosts or net.DEFAULT_HOSTS, port, option)


def address(hosts: Hosts, port: int) -> net.Address:
    """The address that a client on this machine connects to, as the banners print it."""
    return net.Address("localhost" if hosts is None else hosts[0], port)


class ListeningCommand:
    """Serves until a signal, until the first conversation with --once, or until stdout cannot be written."""

    def __init__(self, report: Reporter, *, once: bool = False) -> None:
        self.report = report
        self.result: Result | None = None
        """With --once: how the first conversation ended."""
        self._once = once
        self._server: net.AcceptLoop | None = None

    @contextmanager
    def open(self, server: net.AcceptLoop) -> Iterator[None]:
        """Inside the `with` block, print the banner and run `server`, which is bound; signals stop it."""
        self._server = server
        self.report.when_it_fails(server.stop)  # without output the port is unknown
        with net.until_signalled(server):
            hosts = tuple(dict.fromkeys(server.listener.hosts))
            for host in server.listener.without:
                self.report.note(f"this machine has no {host}: listening only on {', '.join(hosts)}")
            warn_if_exposed(hosts)
            yield
            self.report.close()

    @property
    def stopping(self) -> bool:
        """Whether the server was asked to stop."""
        return self._server is not None and self._server.stopping

    def conversation_ended(self, result: Result) -> None:
        """With --once: keep the result of the first conversation, and stop the server.

        A conversation that a signal cut has no result.
        """
        if self._once and self._server:
            if self.result is None and (result is ExitCode.YES or not self._server.stopping):
                self.result = result
            self._server.stop()

    def exit_code(self) -> ExitCode:
        """0, or with --once the result of the first conversation: 130 if a signal came before it.

        Problem if stdout could not be written.
        """
        if self.report.failure:
            raise cannot("write the output", self.report.failure)
        if isinstance(self.result, Problem):
            raise self.result
        if self.result is None:
            return ExitCode.INTERRUPTED if self._once else ExitCode.YES
        return self.result
