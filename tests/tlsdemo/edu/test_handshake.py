"""The handshake, step by step: what passes, in which order, what is waited for, and who is told what when it fails."""

import hashlib
import hmac
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.tlsdemo.edu.parties import (
    PROVOKED,
    Editor,
    believed,
    connected,
    error_of,
    fault,
    handshake_of,
    machine,
    parties,
    said_by,
    seeded,
    talk,
)
from tlsdemo.conversation import converse
from tlsdemo.driver import Moment, State, Table
from tlsdemo.edu import messages
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.handshake import CLIENT, CLIENT_READS_CERTIFICATE, SERVER, SERVER_READS_CERTIFICATE
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import NAMES, Alert, Data, Message, Record, encode
from tlsdemo.edu.protocol import CA, DH, MUTUAL, PLAIN, RUNGS, SIGNED, assemble, edu
from tlsdemo.protocol import Side
from tlsdemo.violations import AnyViolation, Violation

HELLOS = ["client client_hello", "server server_hello"]
SERVER_SHOWS = ["server certificate", "server certificate_verify"]
CLIENT_SHOWS = ["client certificate", "client certificate_verify"]
FINISHED = ["server finished", "client finished"]
MESSAGES = {
    "plain": [*HELLOS, *FINISHED],
    "multiply": [*HELLOS, *FINISHED],
    "dh": [*HELLOS, *FINISHED],
    "signed": [*HELLOS, *SERVER_SHOWS, *FINISHED],
    "ca": [*HELLOS, *SERVER_SHOWS, *FINISHED],
    "mutual": [*HELLOS, *SERVER_SHOWS, "server finished", *CLIENT_SHOWS, "client finished"],
    "hybrid": [*HELLOS, *SERVER_SHOWS, "server finished", *CLIENT_SHOWS, "client finished"],
}
KEYED = [rung for rung in RUNGS if rung != "plain"]
STEPS = [(rung, step) for rung, steps in MESSAGES.items() for step in steps]
STAGES = [
    (rung, side, number)
    for rung, steps in MESSAGES.items()
    if rung != "hybrid"  # ML-KEM draws by itself: no script fits twice
    for side in Side
    for number in range(sum(step.startswith(side.other.value) for step in steps))
]


def samples(rung: str) -> list[Message]:
    """One of each message, in the shape that it has on that rung."""
    return [
        messages.ClientHello(rung, "localhost", ("ChaCha20-Poly1305",), bytes(32), "x25519", "09"),
        messages.ServerHello(rung, "ChaCha20-Poly1305", bytes(32), "09"),
        messages.Certificate((b"0",)),
        messages.CertificateVerify(b"0"),
        messages.Finished(bytes(32)),
        Record(bytes(17)),
        Data("hello"),
    ]


def waiting(certs: Path, rung: str, side: Side, number: int) -> tuple[Machine, str]:
    """One side that has received so many messages of a good handshake, and the type of the next."""
    script = [said for said in handshake_of(talk(*seeded(certs, 7), RUNGS[rung])) if said.sender is side.other]
    end = machine(edu(RUNGS[rung]).endpoint(side, seeded(certs, 7)[list(Side).index(side)]))
    end.receive(b"".join(said.line for said in script[:number]))
    end.outgoing()
    assert not end.error
    return end, script[number].kind


# As it should be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", RUNGS)
def test_two_who_follow_the_rung_hear_each_other_and_agree_on_what_they_have(certs: Path, rung: str) -> None:
    outcome = talk(*parties(certs), RUNGS[rung])
    assert believed(outcome)
    assert outcome.client.negotiated == outcome.server.negotiated
    assert outcome.client.negotiated["version"] == rung


def test_every_rung_has_its_messages_in_this_order(certs: Path) -> None:
    seen = {rung: [str(said) for said in handshake_of(talk(*parties(certs), RUNGS[rung]))] for rung in RUNGS}
    assert seen == MESSAGES


APPENDIX_A_1 = """
             START
               | Send ClientHello
               v
          WAIT_SERVER_HELLO
               | Recv ServerHello
      +--------+--------+
      | no              | certificate
      | certificate     v
      |          WAIT_CERTIFICATE
      |                 | Recv Certificate
      |                 v
      |       WAIT_CERTIFICATE_VERIFY
      |                 | Recv CertificateVerify
      +> WAIT_FINISHED <+
               | Recv Finished
               v
           CONNECTED
"""  # RFC 8446 §A.1, without EncryptedExtensions, CertificateRequest, retry and early data
APPENDIX_A_2 = """
          WAIT_CLIENT_HELLO
               | Recv ClientHello
               | Send ServerHello [Certificate CertificateVerify] Finished
      +--------+--------+
      | no auth         | client auth
      |                 v
      |          WAIT_CERTIFICATE
      |                 | Recv Certificate
      |                 v
      |       WAIT_CERTIFICATE_VERIFY
      |                 | Recv CertificateVerify
      +> WAIT_FINISHED <+
               | Recv Finished
               v
           CONNECTED
"""  # RFC 8446 §A.2, likewise; START is WAIT_CLIENT_HELLO, and WAIT_FLIGHT2 has no step of its own


def path_through(figure: str, *, shown: bool) -> list[str]:
    """State, message, state, message, ... on one of the two ways through the figure."""
    words = re.findall(r"Recv (\w+)|\b((?:WAIT|CONN)[A-Z_]+)", figure)
    way = [message or state for message, state in words]
    return way if shown else [word for word in way if "CERTIFICATE" not in word and not word.startswith("Certificate")]


def path_in(table: Table, begin: State) -> list[str]:
    """The same, out of a table; every state in it has one way on, and is reached."""
    way, state, reached = [begin.name], begin, {begin}
    while state is not State.CONNECTED:
        ((kind, step),) = table[state].items()
        state = step.next
        reached.add(state)
        way += [kind.__name__, state.name]
    assert reached - {State.CONNECTED} == set(table)
    return way


def test_the_tables_are_the_two_ways_through_the_figures_of_appendix_a() -> None:
    assert path_in(CLIENT, State.WAIT_SERVER_HELLO) == path_through(APPENDIX_A_1, shown=False)
    assert path_in(SERVER, State.WAIT_CLIENT_HELLO) == path_through(APPENDIX_A_2, shown=False)
    assert path_in(CLIENT_READS_CERTIFICATE, State.WAIT_SERVER_HELLO) == path_through(APPENDIX_A_1, shown=True)
    assert path_in(SERVER_READS_CERTIFICATE, State.WAIT_CLIENT_HELLO) == path_through(APPENDIX_A_2, shown=True)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_takes_the_way_through_the_figures_that_its_certificates_want(rung: str) -> None:
    parts, steps = assemble(RUNGS[rung], None), MESSAGES[rung]
    to_client, to_server = SERVER_SHOWS[0] in steps, CLIENT_SHOWS[0] in steps
    assert path_in(parts.client, State.WAIT_SERVER_HELLO) == path_through(APPENDIX_A_1, shown=to_client)
    assert path_in(parts.server, State.WAIT_CLIENT_HELLO) == path_through(APPENDIX_A_2, shown=to_server)


# As it should not be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rung", "side", "number"), STAGES, ids=lambda each: getattr(each, "value", None))
def test_what_comes_at_the_wrong_time_is_refused_by_its_name(certs: Path, rung: str, side: Side, number: int) -> None:
    for message in samples(rung):
        end, wanted = waiting(certs, rung, side, number)
        if NAMES[type(message)] == wanted:
            continue
        state = end.state
        end.receive(encode(message, assemble(RUNGS[rung], None).omitted))
        assert fault(end) is Violation.UNEXPECTED_MESSAGE
        assert error_of(end).detail == f"{type(message).__name__}, when the {end.side.value} had to {state.value}"
        assert (end.accepted, end.delivered) == (False, b"")


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_no_message_of_the_handshake_comes_after_it(certs: Path, rung: str, side: Side) -> None:
    belongs: type[Message] = Data if rung == "plain" else Record
    for message in [*samples(rung), Alert("close_notify")]:
        if isinstance(message, belongs) or (rung == "plain" and isinstance(message, Alert)):
            continue
        end = connected(certs, RUNGS[rung])[list(Side).index(side)]
        end.receive(encode(message, assemble(RUNGS[rung], None).omitted))
        assert fault(end) is Violation.UNEXPECTED_MESSAGE
        assert (end.delivered, end.ended) == (b"", False)


@pytest.mark.parametrize(("rung", "step"), STEPS)
def test_a_message_that_is_repeated_is_refused(certs: Path, rung: str, step: str) -> None:
    sender, kind = step.split()
    receiver = Side(sender).other
    outcome = talk(*parties(certs), RUNGS[rung], Editor(Side(sender), kind, lambda entries: [entries, entries]))
    assert fault(outcome[receiver]) is Violation.UNEXPECTED_MESSAGE
    assert outcome[receiver].delivered == b""


@pytest.mark.parametrize(("rung", "step"), STEPS)
def test_a_message_that_is_left_out_is_missed_and_nothing_is_said(certs: Path, rung: str, step: str) -> None:
    sender, kind = step.split()
    receiver = Side(sender).other
    outcome = talk(*parties(certs), RUNGS[rung], Editor(Side(sender), kind, lambda entries: []))
    silence = step in ("client client_hello", "server finished")  # after the others, the next message comes too early
    assert fault(outcome[receiver]) is (Violation.TRUNCATED if silence else Violation.UNEXPECTED_MESSAGE)
    assert not outcome[receiver].accepted
    assert (outcome.client.delivered, outcome.server.delivered) == (b"", b"")


# The transcript -----------------------------------------------------------------------------------------------------


def hkdf(salt: bytes, secret: bytes, label: str) -> bytes:
    """RFC 5869, one block, by the standard library alone."""
    extracted = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(extracted, label.encode() + b"\1", hashlib.sha256).digest()


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_finished_sums_up_everything_before_itself_and_not_itself(certs: Path, rung: str, sender: Side) -> None:
    outcome = talk(*parties(certs), RUNGS[rung])
    hellos = [said_by(outcome, Side.CLIENT, "client_hello"), said_by(outcome, Side.SERVER, "server_hello")]
    randoms = b"".join(bytes.fromhex(hello.entries["random"]) for hello in hellos)
    shared = machine(outcome.client).shared
    if rung == "multiply":  # whoever listens has it, too
        a, b = (int(hello.entries["share"]) // 300 for hello in hellos)
        assert shared == (a * b * 300).to_bytes(16, "big")
    finished = said_by(outcome, sender, "finished")
    key = hkdf(randoms, shared, f"tlsdemo {sender.value} finished")
    transcript_hash = hashlib.sha256(finished.before).digest()
    assert finished.entries["verify_data"] == hmac.new(key, transcript_hash, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("rung", KEYED)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_yesterdays_finished_is_refused(certs: Path, rung: str, sender: Side) -> None:
    yesterday = said_by(talk(*seeded(certs, 1), RUNGS[rung]), sender, "finished").entries
    outcome = talk(*seeded(certs, 2), RUNGS[rung], Editor(sender, "finished", lambda _: [yesterday]))
    assert fault(outcome[sender.other]) is Violation.BAD_FINISHED
    assert (outcome.client.delivered, outcome.server.delivered) == (b"", b"")


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung != "hybrid"])  # ML-KEM draws by itself
def test_known_randomness_gives_known_bytes(certs: Path, rung: str) -> None:
    first, again, other = (talk(*parties(certs, seed), RUNGS[rung]).tape for seed in (7, 7, 8))
    assert first == again
    assert (first == other) is (rung == "plain")  # which draws nothing


# Who is told what ---------------------------------------------------------------------------------------------------


def test_before_finished_the_reason_of_a_refusal_is_said_in_the_clear(certs: Path) -> None:
    outcome = talk(*parties(certs), SIGNED, Editor(Side.SERVER, "certificate_verify", lambda _: [BAD_SIGNATURE]))
    assert fault(outcome.client) is Violation.BAD_SIGNATURE
    alert = {"type": "alert", "description": "decrypt_error", "detail": str(outcome.client.error)}
    assert json.loads(outcome.tape[-1].data) == alert
    assert error_of(outcome.server).detail == f"decrypt_error: {outcome.client.error}"


BAD_SIGNATURE: dict[str, Any] = {"type": "certificate_verify", "signature": "00" * 70}
BAD_FINISHED: dict[str, Any] = {"type": "finished", "verify_data": "00" * 32}


@pytest.mark.parametrize(("claims", "kind", "bad"), [
    (DH, "finished", BAD_FINISHED), (MUTUAL, "certificate_verify", BAD_SIGNATURE), (MUTUAL, "finished", BAD_FINISHED),
], ids=["dh finished", "mutual signature", "mutual finished"])  # fmt: skip
def test_after_finished_it_is_said_in_a_record(certs: Path, claims: Any, kind: str, bad: dict[str, Any]) -> None:
    outcome = talk(*parties(certs), claims, Editor(Side.CLIENT, kind, lambda _: [bad]))
    told = [flight.data for flight in outcome.tape if flight.sender is Side.SERVER][-1]
    assert json.loads(told)["type"] == "record"
    assert str(outcome.server.error).encode() not in b"".join(flight.data for flight in outcome.tape)
    assert error_of(outcome.client).detail == f"decrypt_error: {outcome.server.error}"
    assert fault(outcome.client) is Violation.ALERT


def test_who_is_told_does_not_answer_with_an_alert_of_its_own(certs: Path) -> None:
    outcome = talk(*parties(certs), CA, Editor(Side.SERVER, "certificate", lambda _: [{"type": "x"}]))
    said = [str(said) for said in handshake_of(outcome)]
    assert said.count("client alert") == 1
    assert "server alert" not in said


@pytest.mark.parametrize("rung", RUNGS)
def test_nothing_can_be_said_before_the_handshake_or_after_close(certs: Path, rung: str) -> None:
    client, server = (edu(RUNGS[rung]).endpoint(side, party) for side, party in zip(Side, parties(certs), strict=True))
    for end in (client, server, *connected(certs, RUNGS[rung])):
        end.close()
        end.outgoing()
        with pytest.raises(ValueError, match="before the handshake is done, after an error or after close"):
            end.send(b"hello")
        assert end.outgoing() == b""


@pytest.mark.parametrize("rung", KEYED)
def test_nothing_can_be_said_after_an_error(certs: Path, rung: str) -> None:
    for end in connected(certs, RUNGS[rung]):
        end.receive(encode(Record(bytes(17))))
        with pytest.raises(ValueError, match="data cannot be sent"):
            end.send(b"hello")


def test_in_plain_too_nothing_can_be_said_after_an_error(certs: Path) -> None:
    client, _ = connected(certs, PLAIN)
    client.receive(b"\n")
    with pytest.raises(ValueError, match="data cannot be sent"):
        client.send(b"hello")


@pytest.mark.parametrize("rung", RUNGS)
def test_who_watches_is_told_each_message_once_in_order_with_its_step_done(certs: Path, rung: str) -> None:
    seen: dict[Side, list[str]] = {side: [] for side in Side}
    states: dict[str, State] = {}

    def watch(inbox: dict[Side, list[str]], end: Machine, moment: Moment) -> None:
        name = f"{moment.sender.value} {NAMES[type(moment.message)]}"
        inbox[end.side].append(name)
        if moment.sender is not end.side:
            states[name] = end.state

    protocol = edu(RUNGS[rung], watch=partial(watch, seen))
    client, server = parties(certs)
    converse(protocol.client(client), protocol.server(server))
    word = "alert" if rung == "plain" else "record"
    for side in Side:
        assert seen[side][: len(MESSAGES[rung])] == MESSAGES[rung]
        assert sorted(seen[side][len(MESSAGES[rung]) :]) == [f"client {word}", f"server {word}"]
    parts = assemble(RUNGS[rung], None)
    after = {
        f"{sender.value} {NAMES[kind]}": step.next
        for sender, table in ((Side.SERVER, parts.client), (Side.CLIENT, parts.server))
        for row in table.values()
        for kind, step in row.items()
    }
    assert {name: states[name] for name in after} == after


# Nothing untried ----------------------------------------------------------------------------------------------------

READING = {
    "NOT_JSON", "IS_TLS", "OVERSIZE", "NESTING", "REPEATED_FIELD", "UNKNOWN_TYPE", "MISSING_FIELD", "UNKNOWN_FIELD",
    "WRONG_TYPE", "BAD_HEX", "WRONG_LENGTH", "BAD_TEXT", "OTHER_RUNG",
}  # fmt: skip
"""Found in one line, whoever says it: in test_messages."""


@pytest.mark.parametrize("violation", PROVOKED, ids=lambda violation: violation.name)
def test_every_way_to_misbehave_can_be_provoked(certs: Path, violation: AnyViolation) -> None:
    error = PROVOKED[violation](certs)
    assert error.violation is violation
    assert str(error).startswith(violation.sentence)


def test_no_violation_is_without_a_provocation() -> None:
    every = {violation.name for violation in (*Violation, *MessageViolation)}
    assert {violation.name for violation in PROVOKED} | READING == every
