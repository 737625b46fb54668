"""The man in the middle. Falsehood caught: he reads what he should not, or is stopped by what should not stop him."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLCertVerificationError

import pytest

from tests.tlsdemo.edu.parties import LINES, ORDER, RECEIPT, believed, error_of, fault, machine, parties
from tlsdemo.attack.interceptor import LONGEST_LINE, Interceptor, Read
from tlsdemo.conversation import Outcome, converse
from tlsdemo.credentials.folder import Folder
from tlsdemo.credentials.kinds import BY_ID
from tlsdemo.edu.messages import MAX_LINE
from tlsdemo.edu.protocol import CA, MUTUAL, PLAIN, RUNGS, SIGNED, edu
from tlsdemo.protocol import Flight, Protection, Protocol, Side
from tlsdemo.tls.protocol import CHAIN, CLAIMS, tls
from tlsdemo.violations import Violation

RUNG = {name: edu(claims) for name, claims in RUNGS.items()}
BLIND_TLS = replace(tls(CLAIMS - CHAIN), name="tls that checks nothing")
MUTUAL_TLS = replace(tls(CLAIMS | {Protection.CLIENT_IDENTITY}), name="mutual tls")
OPEN = [RUNG["plain"], RUNG["multiply"], RUNG["dh"], RUNG["signed"], BLIND_TLS]
GUARDED = [RUNG["ca"], RUNG["mutual"], tls(), MUTUAL_TLS]
IMPOSTORS = ["rogue", "self-signed", "untrusted-ca"]
THEFT = {b"PAY 100": b"PAY 999", b"paid": b"PAID"}


@dataclass
class Scene:
    """Client, server, and him between them."""

    certs: Path
    protocol: Protocol
    kind: str = "rogue"
    alter: Mapping[bytes, bytes] = field(default_factory=dict)
    told: list[Read] = field(default_factory=list)

    def __post_init__(self) -> None:
        client, server = parties(self.certs)
        shown = Folder(self.certs).credential(BY_ID[self.kind])
        self.client, self.server = self.protocol.client(client), self.protocol.server(server)
        facing = {
            Side.CLIENT: self.protocol.server(replace(server, credential=shown)),
            Side.SERVER: self.protocol.client(replace(client, credential=shown)),
        }
        self.he = Interceptor(facing, self.alter, self.told.append)

    def play(self, lines: Sequence[tuple[Side, bytes]] = LINES) -> Outcome:
        return converse(self.client, self.server, self.he, lines)

    def flow(self) -> None:
        """Until all are silent, and nobody hangs up."""
        ends = {Side.CLIENT: self.client, Side.SERVER: self.server}
        while flights := [Flight(side, data) for side, end in ends.items() if (data := end.outgoing())]:
            for flight in flights:
                for target, delivery in self.he.on_data(flight):
                    ends[target].receive(delivery)


# Who wins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", OPEN, ids=str)
@pytest.mark.parametrize("kind", IMPOSTORS)
def test_without_authentication_the_attacker_reads_and_alters_both_directions(
    certs: Path, protocol: Protocol, kind: str
) -> None:
    scene = Scene(certs, protocol, kind, THEFT)
    outcome = scene.play()
    assert scene.he.read == {Side.CLIENT: ORDER[1], Side.SERVER: RECEIPT[1]}
    assert (outcome.server.delivered, outcome.client.delivered) == (b"PAY 999\n", b"PAID\n")
    assert (outcome.client.error, outcome.server.error) == (None, None)
    assert outcome.client.ended
    assert outcome.server.ended


@pytest.mark.parametrize("protocol", [*OPEN, RUNG["ca"], tls()], ids=str)
def test_with_the_stolen_key_the_attacker_is_the_server_everywhere(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, "stolen", THEFT)
    outcome = scene.play()
    assert scene.he.read[Side.CLIENT] == ORDER[1]
    assert outcome.server.delivered == b"PAY 999\n"
    assert outcome.client.error is None


@pytest.mark.parametrize("protocol", GUARDED, ids=str)
@pytest.mark.parametrize("kind", IMPOSTORS)
def test_where_the_client_checks_the_attacker_reads_nothing_and_no_byte_is_delivered(
    certs: Path, protocol: Protocol, kind: str
) -> None:
    scene = Scene(certs, protocol, kind, THEFT)
    outcome = scene.play([ORDER])
    assert outcome.client.error
    assert not outcome.client.accepted
    assert scene.he.read == dict.fromkeys(Side, b"")
    assert (outcome.client.delivered, outcome.server.delivered, scene.told) == (b"", b"", [])


@pytest.mark.parametrize("rung", ["ca", "mutual"])
@pytest.mark.parametrize("kind", IMPOSTORS)
def test_the_attacker_receives_the_reason_of_the_client(certs: Path, rung: str, kind: str) -> None:
    scene = Scene(certs, RUNG[rung], kind)
    client = scene.play().client
    assert fault(client) is (Violation.FORGED if kind == "rogue" else Violation.UNTRUSTED)
    assert fault(scene.he.facing[Side.CLIENT]) is Violation.ALERT
    assert str(client.error) in error_of(scene.he.facing[Side.CLIENT]).detail


def test_a_tls_client_says_why(certs: Path) -> None:
    client = Scene(certs, tls()).play().client
    assert isinstance(client.error, SSLCertVerificationError)
    assert client.error.verify_code == 7, "signature failure: the right name, the wrong key"


@pytest.mark.parametrize("protocol", [RUNG["mutual"], MUTUAL_TLS], ids=str)
def test_the_stolen_key_of_a_server_makes_no_client_and_the_server_hears_nothing(
    certs: Path, protocol: Protocol
) -> None:
    scene = Scene(certs, protocol, "stolen", THEFT)
    outcome = scene.play()
    assert scene.he.read[Side.CLIENT] == ORDER[1]
    assert outcome.client.accepted
    assert outcome.server.error
    assert outcome.server.delivered == b""
    assert [(read.said, read.passed_on) for read in scene.told] == [(ORDER[1], b"")]


def test_the_server_says_that_it_is_no_clients_certificate(certs: Path) -> None:
    server = Scene(certs, RUNG["mutual"], "stolen").play().server
    assert fault(server) is Violation.WRONG_PURPOSE
    assert "CN=localhost is not valid for a client" in str(server.error)
    server = Scene(certs, MUTUAL_TLS, "stolen").play().server
    assert isinstance(server.error, SSLCertVerificationError)
    assert server.error.verify_code == 26, "unsuitable certificate purpose"


@pytest.mark.parametrize("protocol", [*OPEN, *GUARDED], ids=str)
def test_control_without_an_attacker_each_protocol_works(certs: Path, protocol: Protocol) -> None:
    client, server = parties(certs)
    assert believed(converse(protocol.client(client), protocol.server(server), lines=LINES))


def test_he_has_two_channels_with_two_keys(certs: Path) -> None:
    scene = Scene(certs, RUNG["dh"])
    outcome = scene.play()
    assert machine(outcome.client).shared != machine(outcome.server).shared
    assert machine(scene.he.facing[Side.CLIENT]).shared == machine(outcome.client).shared
    assert machine(scene.he.facing[Side.SERVER]).shared == machine(outcome.server).shared


# What he alters -----------------------------------------------------------------------------------------------------

PIECES = [(Side.CLIENT, piece) for piece in (b"P", b"AY 1", b"0", b"0\nPAY", b" 100\n", b"and ", b"so\n")]


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_what_comes_in_odd_pieces_is_altered_as_whole_lines(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    outcome = scene.play(PIECES)
    assert outcome.server.delivered == b"PAY 999\nPAY 999\nand so\n"
    assert [(read.said, read.passed_on) for read in scene.told] == [
        (b"PAY 100\n", b"PAY 999\n"),
        (b"PAY 100\n", b"PAY 999\n"),
        (b"and so\n", b"and so\n"),
    ]


@pytest.mark.parametrize("protocol", OPEN, ids=str)
@pytest.mark.parametrize("size", [1, 5])
def test_how_the_line_is_cut_does_not_matter(certs: Path, protocol: Protocol, size: int) -> None:
    class Chopped:
        def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
            for start in range(0, len(flight.data), size):
                yield from scene.he.on_data(replace(flight, data=flight.data[start : start + size]))

        def on_eof(self, sender: Side) -> Iterable[Side]:
            return scene.he.on_eof(sender)

    scene = Scene(certs, protocol, alter=THEFT)
    outcome = converse(scene.client, scene.server, Chopped(), LINES)
    assert (outcome.server.delivered, outcome.client.delivered) == (b"PAY 999\n", b"PAID\n")
    assert (outcome.client.error, outcome.server.error) == (None, None)


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_who_alters_nothing_passes_on_each_piece_at_once(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol)
    outcome = scene.play(PIECES)
    assert [read.passed_on for read in scene.told] == [piece for _, piece in PIECES]
    assert outcome.server.delivered == b"".join(piece for _, piece in PIECES)


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_several_alterations_are_made_one_after_the_other_and_everywhere(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter={b"100": b"9", b"bob": b"eve, not bob", b"9": b"999", b" please": b""})
    outcome = scene.play([(Side.CLIENT, b"100 to bob, and 100 to bob please\n")])
    assert outcome.server.delivered == b"999 to eve, not bob, and 999 to eve, not bob\n"


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_a_dropped_line_is_not_noticed(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter={b"STOP\n": b""})
    outcome = scene.play([(Side.CLIENT, b"STOP\n"), *LINES])
    assert believed(outcome)


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_what_is_said_last_without_an_end_of_line_is_altered_too(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    outcome = scene.play([(Side.CLIENT, b"PAY 100")])
    assert outcome.server.delivered == b"PAY 999"
    assert outcome.server.ended


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_what_has_no_end_is_not_held_for_ever(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    scene.flow()
    scene.client.send(b"x" * LONGEST_LINE)
    scene.flow()
    assert scene.server.delivered == b""
    scene.client.send(b"y")
    scene.flow()
    assert scene.server.delivered == b"x" * LONGEST_LINE + b"y"


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_a_long_talk_goes_through_unaltered_where_there_is_nothing_to_alter(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    lines = [(side, bytes([64 + number]) * MAX_LINE + b"\n") for number in range(3) for side in Side]
    outcome = scene.play(lines)
    for side in Side:
        assert outcome[side.other].delivered == b"".join(data for sender, data in lines if sender is side)


@pytest.mark.parametrize("protocol", OPEN, ids=str)
def test_an_answer_comes_back_also_before_a_question(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    outcome = scene.play([RECEIPT, ORDER, RECEIPT])
    assert outcome.client.delivered == b"PAID\nPAID\n"
    assert [read.sender for read in scene.told] == [Side.SERVER, Side.CLIENT, Side.SERVER]


# The end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", OPEN, ids=str)
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_a_goodbye_is_passed_on_and_the_other_may_still_speak(certs: Path, protocol: Protocol, sender: Side) -> None:
    scene = Scene(certs, protocol)
    ends = {Side.CLIENT: scene.client, Side.SERVER: scene.server}
    scene.flow()
    ends[sender].close()
    scene.flow()
    assert ends[sender.other].ended
    assert not ends[sender].ended
    ends[sender.other].send(b"one more thing\n")
    scene.flow()
    assert ends[sender].delivered == b"one more thing\n"


@pytest.mark.parametrize("rung", ["multiply", "dh", "signed"])
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_a_cut_line_is_passed_on_as_a_cut(certs: Path, rung: str, sender: Side) -> None:
    scene = Scene(certs, RUNG[rung])
    ends = {Side.CLIENT: scene.client, Side.SERVER: scene.server}
    scene.flow()
    scene.client.send(ORDER[1])  # what he came for; before that, he keeps the client talking
    scene.flow()
    assert list(scene.he.on_eof(sender)) == [sender.other]
    ends[sender.other].receive_eof()
    assert fault(ends[sender.other]) is Violation.TRUNCATED
    assert not ends[sender.other].ended


def test_an_unfinished_line_is_not_passed_on_when_the_line_is_cut(certs: Path) -> None:
    scene = Scene(certs, RUNG["dh"], alter=THEFT)
    scene.flow()
    scene.client.send(b"PAY 100")
    scene.flow()
    assert list(scene.he.on_eof(Side.CLIENT)) == [Side.SERVER]
    assert scene.he.read[Side.CLIENT] == b"PAY 100"
    assert [(read.said, read.passed_on) for read in scene.told] == [(b"PAY 100", b"")]
    assert scene.server.delivered == b""


@pytest.mark.parametrize("protocol", [RUNG["plain"], BLIND_TLS], ids=str)
def test_data_that_was_sent_on_before_a_bare_end_of_file_arrives(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, alter=THEFT)
    scene.flow()
    scene.client.send(b"PAY 100")
    converse(scene.client, scene.server, Mute(scene.he))
    assert scene.server.delivered == b"".join(read.passed_on for read in scene.told)


@dataclass
class Mute:
    """The client's goodbye is lost; its end of file is not."""

    he: Interceptor
    heard: int = 0

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        self.heard += flight.sender is Side.CLIENT
        return self.he.on_data(flight) if self.heard < 2 or flight.sender is Side.SERVER else []

    def on_eof(self, sender: Side) -> Iterable[Side]:
        return self.he.on_eof(sender)


@pytest.mark.parametrize("protocol", [RUNG["mutual"], MUTUAL_TLS], ids=str)
def test_an_attacker_that_the_server_refused_still_reads_the_client(certs: Path, protocol: Protocol) -> None:
    scene = Scene(certs, protocol, "stolen")
    scene.flow()
    assert scene.he.facing[Side.SERVER].error
    assert list(scene.he.on_eof(Side.SERVER)) == []
    scene.client.send(ORDER[1])
    scene.flow()
    assert scene.he.read[Side.CLIENT] == ORDER[1]
    assert scene.client.ended, "he says goodbye: the client is not left waiting"
    assert scene.client.error is None


@pytest.mark.parametrize("claims", [PLAIN, SIGNED, CA, MUTUAL], ids=["plain", "signed", "ca", "mutual"])
@pytest.mark.parametrize("sender", Side, ids=lambda side: side.value)
def test_an_end_in_the_middle_of_the_handshake_is_passed_on(
    certs: Path, claims: frozenset[Protection], sender: Side
) -> None:
    scene = Scene(certs, edu(claims), "stolen")
    scene.he.on_data(Flight(Side.CLIENT, scene.client.outgoing()[:20]))
    told = list(scene.he.on_eof(sender))
    assert told == ([Side.SERVER] if sender is Side.CLIENT else [])  # he goes on: he has not read the client yet
    assert fault(scene.he.facing[sender]) is Violation.TRUNCATED
