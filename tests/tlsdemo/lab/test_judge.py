"""Visits and endings -> verdicts, as a table. Falsehoods caught: a verdict by exit code or alert instead of by what was
said, and a client that was killed taken for one that refused.
"""

import dataclasses

import pytest

from tlsdemo.findings import CaseWords, ClientVerdict, Finding, Way
from tlsdemo.lab.judge import LINES, SHOWN, judge, last_words
from tlsdemo.lab.process import Ran
from tlsdemo.lab.visit import Visit, VisitEnd

CASE = CaseWords("expired", (), "validity", "It is over.", "It is over. Long since.", "RFC 5280", "reject", "must")
GOOD = dataclasses.replace(CASE, id="good", must="accept")


def visit(end: VisitEnd, alert: str | None = None, at: float = 1.0, said: bytes = b"", why: str = "") -> Visit:
    agreed = "TLSv1.3, TLS_AES_256_GCM_SHA384" if end in (VisitEnd.TALKED, VisitEnd.LEFT) else ""
    return Visit(
        "expired", "127.0.0.1:9", end, "localhost", agreed, alert, why, said, len(said) * 2 if said else 0, moment=at
    )


def talked(at: float = 1.0, said: bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\n", why: str = "") -> Visit:
    return visit(VisitEnd.TALKED, said=said, at=at, why=why)


def by_itself(code: int = 0, out: str = "", err: str = "") -> Ran:
    return Ran(code, out, err, 2.0)


KILLED = Ran(None, "", "", 10.0, stopped_at=10.0)
LEFT_OTHERS = Ran(0, "", "", 3.0, stopped_at=10.0)
"""It ended, and whom it had left behind was ended."""

refused, left, waited = visit(VisitEnd.REFUSED, "certificate_expired"), visit(VisitEnd.LEFT), visit(VisitEnd.WAITED)
hung_up = visit(VisitEnd.REFUSED)
unfit, turned_away = (
    visit(VisitEnd.UNFIT, why="no shared cipher"),
    visit(VisitEnd.TURNED_AWAY, why="expired (client certificate)"),
)
silent = visit(VisitEnd.SILENT)
A, R, L = ClientVerdict.ACCEPTED, ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE
S, I, C = ClientVerdict.NO_SNI, ClientVerdict.INCONCLUSIVE, ClientVerdict.CRASHED  # noqa: E741 - the letters


TABLE = {
    # What was said counts, whatever else there is.
    "talked": ([talked()], by_itself(), A, "sent 66 bytes: GET / HTTP/1.1"),
    "talked, and ends with 1": ([talked()], by_itself(1), A, "sent 66 bytes: "),
    "talked, and killed itself": ([talked()], by_itself(-11), A, "sent 66 bytes: "),
    "talked, and was killed": ([talked(5)], KILLED, A, "sent 66 bytes: "),
    "talked, and that ended when it was killed": ([talked(10.1)], KILLED, A, "sent 66 bytes: "),
    "refused, then talked": ([refused, talked()], by_itself(), A, "sent 66 bytes: "),
    "talked, then refused": ([talked(), refused], by_itself(60), A, "sent 66 bytes: "),
    "left, then talked": ([left, talked()], by_itself(), A, "sent 66 bytes: "),
    "one byte": ([visit(VisitEnd.TALKED, said=b"x")], by_itself(), A, "sent 2 bytes: x"),
    "in the clear": ([talked(why="in the clear")], by_itself(), A, "in the clear"),
    # A signal ended it.
    "crashed": ([hung_up], by_itself(-11), C, "ended by signal 11 after it connected"),
    "crashed after its alert": ([refused], by_itself(-6), C, "signal 6"),
    "crashed after its handshake": ([left], by_itself(-11), C, "signal 11"),
    "crashed, as a shell tells it": ([hung_up], by_itself(139), C, "signal 11"),
    "crashed, and had never come": ([], by_itself(-11), I, "ended by signal 11 before it connected to the case's port"),
    # Without a byte.
    "silent": ([silent], by_itself(0), I, "connected and sent nothing"),
    "silent until it was ended": ([silent], KILLED, I, "it waits for the server to send first"),
    "silent besides": ([silent, refused, silent], by_itself(1), R, "certificate_expired"),
    "silent, then talked": ([silent, talked()], by_itself(), A, "sent 66 bytes: "),
    # Before the end of its handshake.
    "an alert": ([refused], by_itself(60), R, "sent the alert certificate_expired"),
    "an alert, and ends with 0": ([refused], by_itself(0), R, "sent the alert certificate_expired"),
    "no alert": ([hung_up], by_itself(1), R, "without an alert"),
    "three times": ([hung_up, hung_up, refused], by_itself(1), R, "sent the alert certificate_expired"),
    "nothing that fits": ([unfit], by_itself(35), R, "offers nothing that fits this server: no shared cipher"),
    "waited once, refused once": ([waited, refused], by_itself(1), R, "certificate_expired"),
    "refused once, waited once": ([refused, waited], by_itself(1), R, "certificate_expired"),
    # After it.
    "left": ([left], by_itself(5), L, "completed the handshake (TLSv1.3, TLS_AES_256_GCM_SHA384), then closed"),
    "left, and ends with 0": ([left], by_itself(0), L, "without sending data"),
    "left with an alert": ([visit(VisitEnd.LEFT, "bad_certificate")], by_itself(5), L, "the alert bad_certificate"),
    "refused, then left": ([refused, left], by_itself(5), L, "completed the handshake"),
    "left, then refused": ([left, refused], by_itself(5), L, "completed the handshake"),
    # It did not end by itself: what ended with it says nothing.
    "killed while it waited": ([visit(VisitEnd.LEFT, at=10.1)], KILLED, I, "neither accepted nor refused the case"),
    "killed in its handshake": ([visit(VisitEnd.REFUSED, at=10.1)], KILLED, I, "after 10 s"),
    "killed, and had never come": ([], KILLED, I, "after 10 s"),
    "killed after it had refused": ([visit(VisitEnd.REFUSED, "unknown_ca", at=2)], KILLED, R, "unknown_ca"),
    "killed after it had left": ([visit(VisitEnd.LEFT, at=2)], KILLED, L, "completed the handshake"),
    "killed when it tried again": ([refused, visit(VisitEnd.REFUSED, at=10.1)], KILLED, R, "certificate_expired"),
    "killed, but it had sent an alert": ([visit(VisitEnd.REFUSED, "unknown_ca", at=10.1)], KILLED, R, "unknown_ca"),
    "killed, but nothing fitted": ([dataclasses.replace(unfit, moment=10.1)], KILLED, R, "no shared cipher"),
    "killed while the server waited": ([dataclasses.replace(waited, moment=10.1)], KILLED, I, "and waited until"),
    "its child was killed": ([visit(VisitEnd.LEFT, at=10.1)], LEFT_OTHERS, I, "its children were stopped"),
    "its child had refused": ([visit(VisitEnd.REFUSED, at=9.9)], LEFT_OTHERS, R, "without an alert"),
    "its child had talked": ([talked(9.9)], LEFT_OTHERS, A, "sent 66 bytes: "),
    # Nothing is known.
    "never came": ([], by_itself(0), I, "did not connect to the case's port"),
    "never came, and ends with 7": ([], by_itself(7), I, "did not connect to the case's port"),
    "only waited": ([waited, waited], by_itself(1), I, "connected, and waited"),
    "turned away": ([turned_away], by_itself(1), I, "the server could not continue: expired (client certificate)"),
    "turned away, and left": ([turned_away, left], by_itself(1), I, "the server could not continue"),
    "turned away, then talked": ([turned_away, talked()], by_itself(0), A, "sent 66 bytes: "),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_the_verdict_is_by_what_it_sent(name: str) -> None:
    visits, ran, verdict, did = TABLE[name]
    found = judge(CASE, visits, ran, timeout=10.0)
    assert found.verdict is verdict, found.did
    assert did in found.did
    assert (found.exit_code, found.seconds) == (ran.exit_code, ran.seconds)


@pytest.mark.parametrize(
    "name", [name for name, (seen, ran, _, _) in TABLE.items() if seen and ran is not KILLED and "crashed" not in name]
)
@pytest.mark.parametrize("code", [0, 1, 60, 128])
def test_an_exit_code_never_changes_it(name: str, code: int) -> None:
    visits, ran, verdict, _ = TABLE[name]
    assert judge(CASE, visits, dataclasses.replace(ran, exit_code=code)).verdict is verdict


def test_every_end_of_a_visit_is_in_the_table() -> None:
    assert {each.end for visits, _, _, _ in TABLE.values() for each in visits} == set(VisitEnd)
    assert {verdict for _, _, verdict, _ in TABLE.values()} == set(ClientVerdict) - {ClientVerdict.NO_SNI}


def test_a_client_without_server_name_is_reported_unless_it_reached_its_port() -> None:
    assert judge(CASE, [], by_itself(), nameless=True).verdict is S
    assert judge(CASE, [], KILLED, nameless=True).verdict is S
    assert judge(CASE, [talked()], by_itself(), nameless=True).verdict is A
    assert judge(CASE, [refused], by_itself(), nameless=True).verdict is R


@pytest.mark.parametrize(
    "ends",
    [[VisitEnd.REFUSED], [VisitEnd.LEFT], [VisitEnd.TALKED], [VisitEnd.UNFIT], [VisitEnd.WAITED, VisitEnd.REFUSED]],
)
@pytest.mark.parametrize("alert", ["bad_certificate", None])
def test_the_alert_is_evidence_and_is_kept(ends: list[VisitEnd], alert: str | None) -> None:
    visits = [visit(each, alert, said=b"x" if each is VisitEnd.TALKED else b"") for each in ends]
    assert judge(CASE, visits, by_itself()).alert == alert


def test_what_it_sent_is_evidence_also_for_a_valid_case() -> None:
    assert judge(GOOD, [talked()], by_itself()).did == "sent 66 bytes: GET / HTTP/1.1"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"\x00\x1b[31mred", r"\x00\x1b[31mred"),
        (b"\xff\xfe\xfd", "\N{REPLACEMENT CHARACTER}" * 3),
        (b"x" * 500, "x" * SHOWN + "…"),
        (b"\n\nGET", ""),
        (b"", ""),
        ("\N{RIGHT-TO-LEFT OVERRIDE}evil".encode(), r"\u202eevil"),
    ],
)
def test_what_it_sent_does_not_drive_a_terminal(said: bytes, shown: str) -> None:
    assert judge(CASE, [dataclasses.replace(talked(), said=said)], by_itself()).did.partition(": ")[2] == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("\n \n\t\n", ""),
        ("one\ntwo", "one\ntwo"),
        ("\n".join("12345678"), "3\n4\n5\n6\n7\n8"),
        ("a\n\n\n\nb", "a\nb"),
        ("progress 1%\rprogress 100%", "progress 1%\nprogress 100%"),
        ("\x1b[31mcurl: (60)\x1b[0m", r"\x1b[31mcurl: (60)\x1b[0m"),
        (
            "Picked up JAVA_TOOL_OPTIONS: -D…\njavax.net.ssl.SSLHandshakeException",
            "javax.net.ssl.SSLHandshakeException",
        ),
    ],
)
def test_the_last_words_are_the_last_lines_cleaned(text: str, words: str) -> None:
    assert last_words(text) == words
    assert len(words.splitlines()) <= LINES


def test_who_refuses_is_heard_on_either_stream_and_who_accepts_on_stderr_alone() -> None:
    def said(visits: list[Visit], **streams: str) -> Finding:
        return judge(CASE, visits, by_itself(**streams))  # type: ignore[arg-type]  # out and err alone

    assert said([refused], out="to stdout").said == "to stdout"
    assert said([refused], out="to stdout", err="to stderr").said == "to stderr"
    assert said([refused], out="to stdout", err=" \n").said == "to stdout"
    assert said([talked()], out="what our server answered").said == ""
    assert said([talked()], out="answer", err="a warning").said == "a warning"


# How it came to accept ------------------------------------------------------------------------------------------------

WAYS = {
    "at once": ([talked()], by_itself(0, out=f"case:      {CASE.id}"), Way.PLAINLY),
    "in the clear": ([refused, talked(why="in the clear")], by_itself(1), Way.IN_THE_CLEAR),
    "again, after an alert": ([refused, talked()], by_itself(0), Way.SECOND_TRY),
    "again, after it had left": ([left, talked()], by_itself(0), Way.SECOND_TRY),
    "again, after a spare connection": ([silent, talked()], by_itself(0, out="case:      expired"), Way.PLAINLY),
    "and ended as after a refusal": ([talked()], by_itself(1), Way.BEFORE_CHECK),
    "and did not print the answer": ([talked()], by_itself(0), Way.BEFORE_CHECK),
    "and was ended": ([talked()], KILLED, Way.PLAINLY),
}
USUAL = judge(GOOD, [talked()], by_itself(0, out="case:      good"))


@pytest.mark.parametrize("name", WAYS)
def test_how_it_came_to_accept_is_told_by_its_connections_and_by_how_it_ends(name: str) -> None:
    visits, ran, way = WAYS[name]
    found = judge(CASE, visits, ran, good=USUAL)
    assert (found.verdict, found.way) == (ClientVerdict.ACCEPTED, way)


def test_what_began_first_is_the_first_connection_whichever_ended_first() -> None:
    """The server waits a moment for the farewell of a client that refuses."""
    first, second = (dataclasses.replace(each, began=at) for each, at in ((refused, 1.0), (talked(), 2.0)))
    assert judge(CASE, [second, first], by_itself(0), good=USUAL).way is Way.SECOND_TRY
    first, second = (dataclasses.replace(each, began=at) for each, at in ((talked(), 1.0), (refused, 2.0)))
    found = judge(CASE, [second, first], by_itself(0, out="case:      expired"), good=USUAL)
    assert found.way is Way.PLAINLY


def test_a_client_that_always_connects_twice_has_not_tried_again() -> None:
    usual = judge(GOOD, [left, talked()], by_itself(0))
    assert judge(CASE, [left, talked()], by_itself(0), good=usual).way is Way.PLAINLY
    assert judge(CASE, [refused, left, talked()], by_itself(0), good=usual).way is Way.SECOND_TRY


def test_a_client_that_always_fails_and_prints_nothing_has_not_checked_late() -> None:
    usual = judge(GOOD, [talked()], by_itself(1))
    assert judge(CASE, [talked()], by_itself(1), good=usual).way is Way.PLAINLY


def test_a_crash_is_a_finding_whatever_the_verdict() -> None:
    for case, visits in ((CASE, [refused]), (CASE, [talked()]), (GOOD, [talked()])):
        found = judge(case, visits, by_itself(-11))
        assert (found.is_wrong, found.harms, found.outcome) == (True, True, "crashed")
