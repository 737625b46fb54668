"""A run of a command that listens. Falsehood caught: one that answers for a later conversation, or never ends."""

import ast
import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest

from pki.errors import ExitCode, Problem
from tests.conftest import ROOT
from tlsdemo import net
from tlsdemo.cli.listening import ListeningCommand, Result, address, bind
from tlsdemo.cli.position import Position, run_on_path
from tlsdemo.cli.reporter import Reporter
from tlsdemo.protocol import Attacker, Relay

LOOPBACK = ("127.0.0.1",)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
REFUSED = Problem("refused", code=ExitCode.NO)


def dialling(port: int) -> None:
    """Connect and send a byte, from another thread: the command needs the main one, for its signals."""

    def dial() -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as connected:
            connected.sendall(b"x")  # a handler starts with the first byte

    threading.Thread(target=dial).start()


def serving(command: ListeningCommand, handle: Callable[[net.Connection], net.Handling[None]]) -> ExitCode:
    server = net.AcceptLoop(bind(LOOPBACK, 0), handle)
    with command.open(server):
        dialling(server.listener.port)
        server.run()
    return command.exit_code()


@pytest.mark.parametrize("code", [ExitCode.YES, ExitCode.NO, ExitCode.CANNOT])
def test_with_once_the_first_conversation_decides(code: ExitCode) -> None:
    command = ListeningCommand(Reporter(), once=True)

    async def handle(connection: net.Connection) -> None:
        command.conversation_ended(code)
        command.conversation_ended(ExitCode.NO if code is ExitCode.YES else ExitCode.YES)

    assert serving(command, handle) is code


def test_with_once_a_problem_is_raised_after_the_output_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    command = ListeningCommand(Reporter(), once=True)

    async def handle(connection: net.Connection) -> None:
        command.report.say("the last line")
        command.conversation_ended(REFUSED)

    with pytest.raises(Problem, match="refused"):
        serving(command, handle)
    assert capsys.readouterr().out == "the last line\n"


@pytest.mark.parametrize("number", SIGNALS)
def test_without_once_a_signal_ends_it_with_0(number: signal.Signals) -> None:
    command = ListeningCommand(Reporter())

    async def handle(connection: net.Connection) -> None:
        command.conversation_ended(REFUSED)
        assert not command.stopping
        os.kill(os.getpid(), number)

    assert serving(command, handle) is ExitCode.YES
    assert command.stopping
    assert {signal.getsignal(each) for each in SIGNALS} == {signal.SIG_IGN}, "it ends already, and must end with 0"


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("result", [None, ExitCode.CANNOT, ExitCode.YES])
def test_with_once_a_signal_before_an_answer_ends_it_with_130(number: signal.Signals, result: Result | None) -> None:
    """Also if it cuts a conversation; an answer that is sent meanwhile counts."""
    command = ListeningCommand(Reporter(), once=True)

    async def handle(connection: net.Connection) -> None:
        os.kill(os.getpid(), number)
        assert command.stopping
        if result is not None:
            command.conversation_ended(result)

    assert serving(command, handle) is (ExitCode.YES if result is ExitCode.YES else ExitCode.INTERRUPTED)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_output_is_written_is_ignored_in_silence(number: signal.Signals) -> None:
    command = ListeningCommand(Reporter())

    async def handle(connection: net.Connection) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    server = net.AcceptLoop(bind(LOOPBACK, 0), handle)
    with command.open(server):
        dialling(server.listener.port)
        server.run()
        os.kill(os.getpid(), number)  # Python reports a descriptor that it cannot write to as an unraisable exception
    assert command.exit_code() is ExitCode.YES


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the loop reports the bug so
def test_a_bug_at_the_end_of_a_conversation_ends_a_relay_with_once() -> None:
    command = ListeningCommand(Reporter(), once=True)
    nowhere = net.Address("127.0.0.1", 1)

    def introduction(where: net.Address) -> list[str]:
        dialling(where.port)
        return []

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> Result:
        raise RuntimeError("a bug")

    code = run_on_path(Position(nowhere, LOOPBACK, 0), command, introduction, lambda peer: Relay(), on_end)
    assert code is ExitCode.CANNOT


def test_a_host_that_this_machine_lacks_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    command = ListeningCommand(Reporter(), once=True)
    two = [bind(LOOPBACK, 0).sockets[0] for _ in range(2)]

    async def handle(connection: net.Connection) -> None:
        raise AssertionError("nothing connects")

    server = net.AcceptLoop(net.Listener(tuple(two), two[0].getsockname()[1], ("::1",)), handle)
    with command.open(server):
        server.stop()
        server.run()
    assert capsys.readouterr().err == "note: this machine has no ::1: listening only on 127.0.0.1\n"


def test_the_address_in_a_banner_is_what_the_user_named() -> None:
    assert str(address(None, 4433)) == "localhost:4433"
    assert str(address(("::1",), 4433)) == "[::1]:4433"


def test_one_module_of_the_commands_handles_signals_and_warns() -> None:
    users = {
        path.stem
        for path in (ROOT / "tlsdemo/cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute)
        and ast.unparse(node).rpartition(".")[2] in ("until_signalled", "warn_if_exposed", "when_it_fails")
    }
    assert users == {"listening"}
