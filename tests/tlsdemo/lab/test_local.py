"""The lab in this process. Falsehood caught: a server, a thread or a port that outlives its lab."""

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.tlsdemo.lab.visiting import careless, checking, look
from tlsdemo.lab.case import OpenedCase
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.local import LabServer, LocalLab, NotServed


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LocalLab]:
    with LocalLab(tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert {each.name for each in set(threading.enumerate()) - before} == set()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_ends_with_its_lab_or_before(lab: LocalLab) -> None:
    with ExitStack() as until:
        short, long = lab.start("expired", until), lab.start("expired")
        assert is_open(short.port) and is_open(long.port)
    assert not is_open(short.port) and is_open(long.port)
    lab.close()
    assert not is_open(long.port)


def test_an_open_connection_does_not_delay_the_end(lab: LocalLab) -> None:
    server = lab.start("good")
    with (
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        checking(str(server.ca_file)).wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        lab.close()
        tls.settimeout(30)
        with suppress(ssl.SSLError, ConnectionError):
            assert tls.recv(1) == b""
    assert not is_open(server.port)


def test_a_case_that_cannot_be_served_leaves_nothing(lab: LocalLab, monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []

    def without_handler(*arguments: object, **named: object) -> object:
        opened = laboratory(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came

        class Context:
            def __enter__(self) -> object:
                found = opened.__enter__()
                ports.extend(found.ports.values())
                found.cases = [OpenedCase(each.case, None, "no such suite") for each in found.cases]
                return found

            def __exit__(self, *raised: object) -> None:
                opened.__exit__(None, None, None)

        return Context()

    monkeypatch.setattr("tlsdemo.lab.local.laboratory", without_handler)
    with pytest.raises(NotServed, match="expired cannot be served here: no such suite"):
        lab.start("expired")
    assert ports and not any(map(is_open, ports))


def test_servers_are_started_from_several_threads(lab: LocalLab) -> None:
    with ThreadPoolExecutor(6) as pool:
        servers = list(pool.map(lab.start, ["expired", "good", "wrong-host"] * 2))
    assert len({each.port for each in servers}) == 6
    for each in servers:
        look(each.port, "localhost", careless())
        assert each.accepted and len(each.requests) == 1


@pytest.mark.parametrize(("case", "refuses"), [("expired", True), ("wrong-host", True), ("good", False)])
def test_the_verdict_is_about_the_bytes(lab: LocalLab, case: str, refuses: bool) -> None:
    server = lab.start(case)
    seen = look(server.port, server.host, checking(str(server.ca_file)))
    assert (seen.code is None) is not refuses
    assert (server.refused, server.accepted) == (refuses, not refuses)


def test_an_unknown_case_is_a_value_error(lab: LocalLab) -> None:
    with pytest.raises(ValueError, match="unknown case"):
        lab.start("ssl-common-name")


def test_a_client_that_completes_its_handshake_and_sends_nothing_has_refused(lab: LocalLab) -> None:
    server = lab.start("expired")
    with (
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        careless().wrap_socket(plain, server_hostname="localhost"),
    ):
        pass
    assert server.refused and not server.accepted
    assert "completed the handshake" in server.did


def test_a_connection_without_a_byte_is_no_verdict(lab: LocalLab) -> None:
    server: LabServer = lab.start("expired")
    with socket.create_connection(("127.0.0.1", server.port)):
        pass
    assert not server.refused and not server.accepted


def test_few_cases_leave_the_limit_of_open_files_as_it_is(lab: LocalLab, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsdemo import net

    def fail() -> None:
        raise AssertionError("the limit was raised")

    monkeypatch.setattr(net, "allow_descriptors", fail)
    lab.start("good")


def test_a_short_repr(lab: LocalLab) -> None:
    server = lab.start("good")
    assert repr(server) == f"<LabServer good at https://localhost:{server.port}/>"
