"""What the lab writes down of its visitors. Falsehoods caught: a visitor who believed, and is written down as one who
refused, or the other way round; one who is counted twice, or under another case; and a wait that is too short or long.
"""

import socket
import ssl
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from pki.errors import ExitCode, Problem
from pki.publish.server import Publisher
from tests.conftest import run, tool
from tests.peers.support import DEADLINE, PROMPT, reset
from tests.tlsdemo.lab.visiting import LOOPBACKS, Lab, careless, checking, dial, everything, hello, look, only, s_client
from tests.tlsdemo.tls.test_server_name import asking_for
from tlsdemo import net
from tlsdemo.lab import conversation, server
from tlsdemo.lab.catalogue import find
from tlsdemo.lab.server import BY_NAME, INDEX, Laboratory
from tlsdemo.lab.visit import IN_THE_CLEAR, Visit, VisitEnd

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
each_version = pytest.mark.parametrize("version", VERSIONS)


@contextmanager
def talking(
    lab: Lab, case: str = "good", version: str = "1.3", name: str | None = "localhost"
) -> Iterator[ssl.SSLSocket]:
    """A conversation of a client that checks nothing."""
    with dial(lab.port(case)) as plain, careless(VERSIONS[version]).wrap_socket(plain, server_hostname=name) as tls:
        yield tls


# What visitors do -----------------------------------------------------------------------------------------------------


@each_version
def test_who_says_something_has_talked(lab: Lab, version: str) -> None:
    with lab.visits("good") as visits, talking(lab, version=version) as tls:
        tls.sendall(b"hello\n")
        answer = everything(tls)
    assert answer.startswith(b"received:  hello\ncase:      good\n")
    visit = only(visits)
    assert (visit.case, visit.end, visit.said, visit.count) == ("good", VisitEnd.TALKED, b"hello\n", 6)
    assert (visit.asked_for, visit.alert, visit.why, visit.agent, visit.client) == ("localhost", None, "", "", "")
    assert visit.agreed.startswith(f"TLSv{version}, ")
    assert 0 < time.monotonic() - visit.moment < DEADLINE


@each_version
def test_who_leaves_after_the_handshake_has_left(lab: Lab, version: str) -> None:
    """With a close_notify, or by hanging up, or with a reset: not a word."""

    def hang_up(tls: ssl.SSLSocket) -> None:
        socket.socket.shutdown(tls, socket.SHUT_RDWR)

    deeds: dict[str, Callable[[ssl.SSLSocket], object]] = {
        "says goodbye": ssl.SSLSocket.unwrap, "hangs up": hang_up, "resets": reset,
    }  # fmt: skip
    for deed, do in deeds.items():
        with lab.visits("good") as visits, talking(lab, version=version) as tls, suppress(OSError):
            do(tls)
        visit = only(visits)
        assert (visit.end, visit.count, visit.alert) == (VisitEnd.LEFT, 0, None), deed
        assert visit.agreed.startswith(f"TLSv{version}, "), deed


@each_version
def test_who_says_no_with_an_alert_is_quoted(lab: Lab, version: str) -> None:
    """In TLS 1.3 a client without a chain has finished its side; in 1.2 it has not: both are refusals."""
    for case, code, alert in (
        ("expired", 10, "certificate_expired"), ("untrusted-root", 20, "unknown_ca"),
        ("wrong-host", 62, "bad_certificate"), ("eku-client-only", 26, "unsupported_certificate"),
    ):  # fmt: skip
        context = checking(lab.ca(case))
        context.maximum_version = VERSIONS[version]
        with lab.visits(case) as visits:
            assert look(lab.port(case), "localhost", context).code == code
        visit = only(visits)
        assert (visit.end, visit.alert, visit.count) == (VisitEnd.REFUSED, alert, 0), case


def test_an_alert_after_the_handshake_is_quoted_too(lab: Lab) -> None:
    """As of curl with GnuTLS and others, which look at the certificate when all is done."""
    with lab.visits("expired") as visits:
        done = run(
            tool("gnutls-cli"), "--x509cafile", lab.ca(), "--port", str(lab.port("expired")), "localhost",
            stdin=None, input="hello\n",
        )  # fmt: skip
    assert "expired" in done.stdout + done.stderr
    assert only(visits).end in (VisitEnd.LEFT, VisitEnd.REFUSED)
    assert only(visits).count == 0


def test_who_hangs_up_in_the_middle_has_refused(lab: Lab) -> None:
    for part in (1, 5, 50, None):
        for end in (socket.socket.close, reset):
            with lab.visits("good") as visits, dial(lab.port("good")) as plain:
                plain.sendall(hello()[:part])
                if part is None:
                    assert plain.recv(1)
                else:
                    time.sleep(0.01)  # else the server finds a connection without a word
                end(plain)
            visit = only(visits)
            assert (visit.end, visit.agreed, visit.alert, visit.why) == (
                VisitEnd.REFUSED,
                "",
                None,
                "the client closed the connection",
            ), part


def test_a_connection_without_a_byte_is_noted_as_such(lab: Lab) -> None:
    """A port scan; or a client of a protocol in which the server speaks first."""
    with lab.visits("good") as visits:
        for _ in range(10):
            dial(lab.port("good")).close()
    assert {(each.end, each.count, each.agreed) for each in visits} == {(VisitEnd.SILENT, 0, "")}
    assert len(visits) == 10


def test_the_name_that_was_asked_for_is_written_down(lab: Lab) -> None:
    for name in ("localhost", "good.localhost", "somebody.else.example", None):
        with lab.visits("good") as visits, talking(lab, name=name) as tls:
            tls.sendall(b"x\n")
            everything(tls)
        assert only(visits).asked_for == name


@pytest.mark.parametrize("case", ["good", "expired", BY_NAME])
def test_a_name_that_is_not_ascii_is_no_refusal(lab: Lab, case: str) -> None:
    """OpenSSL's binding ends the handshake: the client has never seen the certificate."""
    port = lab.sni_port if case == BY_NAME else lab.port(case)
    with lab.visits(case) as visits, dial(port) as plain:
        plain.sendall(asking_for("bücher.localhost".encode())(hello()))
        plain.shutdown(socket.SHUT_WR)
        assert everything(plain) == bytes.fromhex("15 0303 0002 02 50")
    assert only(visits).end is VisitEnd.TURNED_AWAY
    assert "is not ASCII" in only(visits).why


def test_a_hello_byte_by_byte_is_one(lab: Lab) -> None:
    with lab.visits("good") as visits, dial(lab.port("good")) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello("good.localhost"):
            plain.sendall(bytes([byte]))
        assert plain.recv(1) == b"\x16"
        reset(plain)
    assert only(visits).asked_for == "good.localhost"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"CONNECT localhost:1 HTTP/1.1\r\n\r\n", "a request to a proxy"),
        (b"\x17\x03\x03\x00\x05hello", ""),
    ],
)
def test_who_speaks_no_tls_is_turned_away(lab: Lab, said: bytes, why: str) -> None:
    with lab.visits("good") as visits, dial(lab.port("good")) as plain:
        plain.sendall(said)
        plain.shutdown(socket.SHUT_WR)
        everything(plain)
    visit = only(visits)
    assert (visit.end, visit.count, visit.alert, visit.agreed) == (VisitEnd.TURNED_AWAY, 0, None, "")
    assert why in visit.why != ""


@pytest.mark.parametrize("case", ["good", "expired", "garbage", "alert-handshake-failure", "client-cert-required"])
@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"EHLO me\r\n", b"\x00" * 100])
def test_what_is_said_in_the_clear_is_said(lab: Lab, case: str, said: bytes) -> None:
    with lab.visits(case) as visits, dial(lab.port(case)) as plain:
        plain.sendall(said)
        plain.shutdown(socket.SHUT_WR)
        everything(plain)
    visit = only(visits)
    assert (visit.end, visit.why, visit.said, visit.count) == (VisitEnd.TALKED, IN_THE_CLEAR, said, len(said))
    assert visit.agreed == ""


def test_a_request_in_the_clear_is_answered_as_by_an_attacker(lab: Lab) -> None:
    """A client that falls back waits for an answer; without one it might be ended before it has shown anything."""
    with dial(lab.port("expired")) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"case:      expired" in everything(plain)


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("ec-secp256k1", ("-tls1_2", "-curves", "P-256")),
        ("good", ("-tls1_2", "-cipher", "AES128-SHA")),
        ("good", ("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256")),
        ("good-rsa4096", ("-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256")),
        ("good", ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")),
    ],
)
def test_who_offers_nothing_that_fits_is_told_apart(lab: Lab, case: str, options: tuple[str, ...]) -> None:
    with lab.visits(case) as visits:
        assert "New, (NONE), Cipher is (NONE)" in s_client(lab.port(case), *options)
    visit = only(visits)
    assert visit.end is VisitEnd.UNFIT, visit
    assert visit.why in {each.replace("_", " ").lower() for each in conversation.UNFIT}


@pytest.mark.parametrize("host", LOOPBACKS)
def test_a_visit_has_the_address_of_the_client(lab: Lab, host: str) -> None:
    with lab.visits("good") as visits, dial(lab.port("good"), host) as plain:
        port = plain.getsockname()[1]
        with careless().wrap_socket(plain) as tls:
            tls.sendall(b"x\n")
            everything(tls)
    assert only(visits).peer == str(net.Address(host, port))


# What they say --------------------------------------------------------------------------------------------------------


def test_bytes_that_are_no_line_are_words_too(lab: Lab) -> None:
    """A client of another protocol has trusted whoever answered, whatever it says; it is not waited for long."""
    said = bytes(range(128, 256))
    began = time.monotonic()
    with lab.visits("good") as visits, talking(lab) as tls:
        tls.sendall(said)
        everything(tls)
    assert (only(visits).end, only(visits).said, only(visits).count) == (VisitEnd.TALKED, said, len(said))
    assert time.monotonic() - began < conversation.PATIENCE / 2


def test_a_word_and_then_a_reset_is_a_word(lab: Lab) -> None:
    for version in VERSIONS:
        with lab.visits("good") as visits, talking(lab, version=version) as tls:
            tls.sendall(b"secret")
            lab.opened.server.settle(0.05, lab.port("good"))
            reset(tls)
        assert (only(visits).end, only(visits).said) == (VisitEnd.TALKED, b"secret")


@each_version
def test_a_megabyte_is_believed_once_and_not_kept(lab: Lab, version: str) -> None:
    for end in (b"", b"\n"):
        with lab.visits("good") as visits, talking(lab, version=version) as tls, suppress(OSError):
            tls.sendall(b"x" * (1 << 20) + end)
            everything(tls)
        visit = only(visits)
        assert visit.end is VisitEnd.TALKED
        assert visit.count > 1 << 16
        assert visit.said == b"x" * conversation.KEPT


def test_a_request_is_answered_and_its_agent_known(lab: Lab) -> None:
    with lab.visits("good") as visits:
        done = run(
            tool("curl"), "-sS", "--cacert", lab.ca(), "-A", "a visitor \x1b[31m", "-H", "Cookie: a=b",
            f"https://localhost:{lab.port('good')}/path?query",
        )  # fmt: skip
    assert "received:  GET /path?query HTTP/1.1" in done.stdout
    visit = only(visits)
    assert visit.end is VisitEnd.TALKED
    assert visit.said.startswith(b"GET /path?query HTTP/1.1\r\n")


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\n"])
def test_what_is_wrong_in_its_words_is_still_words(lab: Lab, said: bytes) -> None:
    with lab.visits("good") as visits, talking(lab) as tls:
        tls.sendall(said)
        assert everything(tls)
    assert (only(visits).end, only(visits).said) == (VisitEnd.TALKED, said)


def test_each_case_tells_its_visitor_what_it_is(lab: Lab) -> None:
    for case in ("expired", "good", "tls-1-2-only", "list-revoked"):
        said = lab.case(case)
        answer = look(lab.port(case), said["host"], careless()).answer.decode()
        assert f"summary:   {said['wrong']}\n" in answer
        assert f"clause:    {said['clause']}\n" in answer
        assert ("accepts this case" in answer) is (said["expect"] == "accept")


# Waiting --------------------------------------------------------------------------------------------------------------


def test_a_visit_is_written_down_when_settled_returns(lab: Lab) -> None:
    port = lab.port("good")
    for _ in range(30):
        before = len(lab.opened.visits_of("good"))
        with talking(lab) as tls:
            tls.sendall(b"x\n")
            tls.recv(1)
        lab.opened.settled(port)
        assert len(lab.opened.visits_of("good")) == before + 1


def test_settled_returns_immediately_if_the_case_has_no_open_connection(lab: Lab) -> None:
    with talking(lab, "expired"), dial(lab.port("good")):
        began = time.monotonic()
        for _ in range(50):
            lab.opened.settled(lab.port("good"))
        assert time.monotonic() - began < PROMPT


def test_many_visitors_at_once_are_each_written_down_once(lab: Lab) -> None:
    cases = ["good", "expired", "wrong-host", "self-signed", "tls-1-2-only"]
    lab.opened.settled(*map(lab.port, cases))  # those who were here before
    before = {case: len(lab.opened.visits_of(case)) for case in cases}
    threads = [threading.Thread(target=look, args=(lab.port(case), "localhost", careless())) for case in cases * 10]
    for each in threads:
        each.start()
    for each in threads:
        each.join(DEADLINE)
    lab.opened.settled(*map(lab.port, cases))
    for case in cases:
        visits = lab.opened.visits_of(case)[before[case] :]
        assert [(each.case, each.end) for each in visits] == [(case, VisitEnd.TALKED)] * 10


def test_accepted_cases_are_counted_by_user_agent(lab: Lab) -> None:
    agent = f"somebody {time.monotonic_ns()}"
    for case, name in (("expired", "localhost"), ("expired", "localhost"), ("good", "localhost")):
        look(lab.port(case), name, careless(), agent=agent.encode())
    look(lab.sni_port, "wrong-host.localhost", careless(), agent=agent.encode())
    look(lab.port("expired"), "localhost", checking(lab.ca()), agent=agent.encode())
    look(lab.opened.index_port, "localhost", careless(), agent=agent.encode())
    lab.opened.settled(*lab.opened.ports.values())
    taken = dict(lab.opened.accepted_by(agent))
    assert taken.pop(INDEX, 1) == 1
    assert taken == {"expired": 2, "good": 1, "wrong-host": 1}
    assert set(lab.opened.accepted_by("nobody of that name")) == set()


# Opening and closing --------------------------------------------------------------------------------------------------


def small(lab: Lab, base: int = 0, on_visit: Callable[[Visit], None] = lambda visit: None) -> Laboratory:
    """Another lab with three of the cases."""
    cases = [each for each in lab.opened.cases if each.id in ("good", "expired", "stall")]
    publisher = Publisher()
    try:
        return Laboratory(cases, replace(lab.opened.ca, publisher=publisher), lambda agent, lab: "", on_visit, base)
    except Problem:
        publisher.stop()
        raise


@contextmanager
def running(opened: Laboratory) -> Iterator[Laboratory]:
    thread = threading.Thread(target=opened.run)
    thread.start()
    try:
        yield opened
    finally:
        opened.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_whatever_goes_on_it_ends_and_leaves_no_thread_and_no_port(lab: Lab) -> None:
    before = set(threading.enumerate())
    opened = small(lab)
    with running(opened):
        stalled, silent, talker = (dial(opened.ports[case]) for case in ("stall", "good", "expired"))
        stalled.sendall(hello())
        tls = careless().wrap_socket(talker)
        began = time.monotonic()
    assert time.monotonic() - began < net.HANDSHAKE_DEADLINE, "it waited for a client that says nothing"
    assert set(threading.enumerate()) <= before
    for each in (stalled, silent, tls):
        each.close()
    for port in opened.ports.values():
        for host in LOOPBACKS:
            with pytest.raises(ConnectionRefusedError):
                dial(port, host)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            socket.create_server((host, port), family=family).close()


def test_one_that_never_ran_gives_all_back(lab: Lab) -> None:
    opened = small(lab)
    opened.close()
    opened.close()
    opened.ca.publisher.stop()
    assert all(each.fileno() < 0 for each in opened.server.listener.sockets)
    assert opened.server._wake_reader.fileno() == opened.server._wake_writer.fileno() == -1


def test_close_after_run_is_no_matter(lab: Lab) -> None:
    with running(small(lab)) as opened:
        pass
    opened.close()


def test_each_visit_is_told_when_it_is_written_down(lab: Lab) -> None:
    told: list[tuple[Visit, int]] = []
    held: list[Laboratory] = []
    opened = small(lab, on_visit=lambda visit: told.append((visit, len(held[0].visits_of(visit.case)))))
    held.append(opened)
    with running(opened):
        for port, name in ((opened.ports["good"], "localhost"), (opened.sni_port, "expired.localhost")):
            look(port, name, careless())
        look(opened.sni_port, "nobody.localhost", careless())
        opened.settled(*opened.ports.values())
        assert [(visit.case, number) for visit, number in told] == [("good", 1), ("expired", 1), (BY_NAME, 1)]


def test_the_ports_are_the_next_ones_from_the_base_on(lab: Lab) -> None:
    base = free_ports(12)
    opened = small(lab, base)
    opened.close()
    opened.ca.publisher.stop()
    wanted = range(base, base + len(opened.ports))
    assert sorted(opened.ports.values()) == list(wanted)
    assert (opened.index_port, opened.sni_port) == (base, base + 1)


def free_ports(count: int) -> int:
    """The first of so many that nobody has at the moment."""
    for base in range(20_000, 30_000, count):
        try:
            for each in net.listen_each(count, base):
                each.close()
        except Problem:
            continue
        return base
    raise AssertionError("no ports")


def test_a_port_in_use_is_named_and_nothing_stays_bound(lab: Lab) -> None:
    base = free_ports(12)
    for host in LOOPBACKS:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, base + 3), family=family):
            with pytest.raises(Problem, match="cannot listen on") as problem:
                small(lab, base)
            assert str(net.Address(host, base + 3)) in problem.value.fact
            assert problem.value.code is ExitCode.CANNOT
            assert "--port-base" in str(problem.value.hint)
        for each in net.listen_each(12, base):
            each.close()


@pytest.mark.parametrize("base", [65535, 65534, 65531])
def test_ports_that_there_are_not_are_wrong_usage(lab: Lab, base: int) -> None:
    """Above 65535 the system would begin again at 0, and at 1."""
    with pytest.raises(Problem, match=f"from {base} on there are only {65536 - base}") as problem:
        small(lab, base)
    assert problem.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("asked", "alike"),
    [("expird", "expired"), ("EXPIRED", "expired"), ("wrong", "wrong-host"), ("dh", "dh1024"), ("", ""), ("qqqq", "")],
)
def test_an_unknown_case_is_wrong_usage_with_what_is_like_it(asked: str, alike: str) -> None:
    with pytest.raises(Problem, match="unknown case") as problem:
        find(asked)
    assert problem.value.code is ExitCode.USAGE
    assert alike in str(problem.value.hint)
    assert ("did you mean" in str(problem.value.hint)) is bool(alike)


def test_a_client_that_stays_silent_is_waited_for_and_no_longer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "PATIENCE", 0.2)
    with lab.visits("good") as visits, talking(lab) as tls:
        assert everything(tls) == b""
    assert (only(visits).end, only(visits).why) == (VisitEnd.WAITED, "the client sent nothing for 0.2 seconds")


def test_a_client_that_stops_in_its_hello_is_sent_away_at_the_deadline(lab: Lab) -> None:
    opened = small(lab)
    opened.server.deadline = 0.3
    with running(opened):
        for case, why in (("good", "the client did not continue its handshake"), ("stall", "")):
            with dial(opened.ports[case]) as plain:
                plain.sendall(hello()[:40])
                assert everything(plain) == b""
            opened.settled(opened.ports[case])
            visit = only(opened.visits_of(case))
            assert (visit.end, visit.why) == (VisitEnd.WAITED, why)


def test_of_many_visits_the_last_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEPT", 5)
    lab = object.__new__(Laboratory)
    lab.visits, lab.came, lab.nameless = defaultdict(lambda: deque(maxlen=5)), Counter(), 0
    lab._writing, lab.on_visit = threading.Lock(), lambda visit: None
    for number in range(12):
        lab.write(Visit("", f"peer {number}", VisitEnd.LEFT), BY_NAME)
    assert (lab.came[BY_NAME], lab.nameless) == (12, 12)
    assert [each.peer for each in lab.visits_since(BY_NAME, 10)] == ["peer 10", "peer 11"]
    assert [each.peer for each in lab.visits_since(BY_NAME, 2)] == [f"peer {number}" for number in range(7, 12)]
    assert lab.visits_since(BY_NAME, 12) == ()


def test_what_is_kept_of_a_visitor_is_short(lab: Lab) -> None:
    request = f"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {'a' * 30_000}\r\n\r\n"
    with lab.visits("good") as visits, talking(lab) as tls:
        tls.sendall(request.encode())
        everything(tls)
    visit = only(visits)
    assert (len(visit.said), len(visit.agent)) == (conversation.KEPT, conversation.KEPT)
