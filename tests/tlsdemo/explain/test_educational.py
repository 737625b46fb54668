"""What `--explain` tells: every message, its numbers, and what an eavesdropper knows; never the other side's secret."""

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki import Credential
from pki.authority import Authority, Validity
from pki.profiles import ROOT
from tests.peers.conftest import Serve
from tests.peers.support import DEADLINE, Script, acting, heard, live_rung, party_of
from tests.pki.support import a_leaf, key, serial
from tests.tlsdemo.conftest import Command
from tlsdemo import net
from tlsdemo.cli.explaining import USUAL
from tlsdemo.conversation import Outcome, converse
from tlsdemo.driver import Moment
from tlsdemo.edu import eavesdropping
from tlsdemo.edu.handshake import Server
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import NAMES, Certificate, encode
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.edu.records import Content
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.conversation import Entry
from tlsdemo.explain.educational import Explainer, explanation
from tlsdemo.explain.educational_sentences import SENTENCES
from tlsdemo.key_agreement import FFDHE2048, X25519, FiniteField, Group, Multiplication
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.wire.records import Sender

SAYS = b"pay to bob\n"
Rows = list[tuple[str, str]]
WHY, HAVE, EAVESDROPPER = "why", "result", "eavesdropper"
STORY = {side: Multiplication(secret=secret) for side, secret in ((Side.CLIENT, 5), (Side.SERVER, 7))}


@dataclass(frozen=True)
class Told:
    """A whole conversation, and how each side told it, message by message."""

    outcome: Outcome
    rows: Mapping[Side, Sequence[Rows]]

    def text(self, side: Side, *, without: str | None = None) -> str:
        """All that one side tells, in one line."""
        return " ".join(sentence for rows in self.rows[side] for label, sentence in rows if label != without)

    def of(self, side: Side, message: str) -> Mapping[str, str]:
        """The rows of the first message of that name."""
        return dict(next(rows for rows in self.rows[side] if rows[0][1].startswith(f"{message} from the ")))

    def machine(self, side: Side) -> Machine:
        """One end, with its secrets."""
        end = self.outcome[side]
        assert isinstance(end, Machine)
        return end


def told(
    rung: str,
    certs: Path,
    groups: Group | Mapping[Side, Group] | None = None,
    without: frozenset[Protection] = frozenset(),
    parties: Mapping[Side, Party] | None = None,
) -> Told:
    """A conversation in memory."""
    rows: dict[Side, list[Rows]] = {side: [] for side in Side}
    ends = {}
    for side in Side:
        group = groups[side] if isinstance(groups, Mapping) else groups
        claims = RUNGS[rung] - without - ({Protection.STRONG_GROUP} if group and not group.strong else set())
        protocol = edu(claims, group=group, watch=watching(Explainer(), rows[side]))
        ends[side] = protocol.endpoint(side, parties[side] if parties else party_of(certs, side))
    lines = ((Side.CLIENT, SAYS), (Side.SERVER, b"paid\n"))
    return Told(converse(ends[Side.CLIENT], ends[Side.SERVER], lines=lines), rows)


def watching(explainer: Explainer, rows: list[Rows]) -> Callable[[Machine, Moment], None]:
    return lambda machine, moment: rows.append(told_of(explainer, machine, moment))


def told_of(explainer: Explainer, machine: Machine, moment: Moment) -> Rows:
    """One message: its name and its fields, and the sentences about it."""
    line, message, *keys = explainer.entries(machine, moment)
    assert line.sender == message.sender == moment.sender.value
    direction = "sent" if moment.sender is machine.side else "received"
    fields = ", ".join(f"{row.name} {row.value}" for row in (*line.rows, *message.rows))
    rows = [(direction, f"{NAMES[type(moment.message)]} from the {message.sender}: {fields}")]
    rows += [("derived", f"{each.name} = {each.call}") for entry in keys for each in entry.derived]
    if message.why:
        return [*rows, (WHY, message.why), (HAVE, message.notes[-1]), (EAVESDROPPER, message.eavesdropper)]
    return rows + [(HAVE, note) for note in message.notes[-1:]]


SIDES = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)

# Every message ------------------------------------------------------------------------------------------------------

HELLOS, SHOWING = "> client_hello < server_hello", "{0} certificate {0} certificate_verify"
EXPECTED = {
    "plain": f"{HELLOS} < finished > finished > data < data",
    "multiply": f"{HELLOS} < finished > finished > record < record",
    "dh": f"{HELLOS} < finished > finished > record < record",
    "signed": f"{HELLOS} {SHOWING.format('<')} < finished > finished > record < record",
    "ca": f"{HELLOS} {SHOWING.format('<')} < finished > finished > record < record",
    "mutual": f"{HELLOS} {SHOWING.format('<')} < finished {SHOWING.format('>')} > finished > record < record",
    "hybrid": f"{HELLOS} {SHOWING.format('<')} < finished {SHOWING.format('>')} > finished > record < record",
}


@SIDES
@pytest.mark.parametrize("rung", RUNGS)
def test_every_message_is_told_in_turn_with_its_sender(certs: Path, rung: str, side: Side) -> None:
    heads = [rows[0] for rows in told(rung, certs).rows[side]]
    *messages, first, second = [re.match(r"(\w+) from the (\w+)", sentence) for _, sentence in heads]
    arrows = {"client": ">", "server": "<"}
    assert " ".join(f"{arrows[each[2]]} {each[1]}" for each in messages if each) == EXPECTED[rung]
    assert first and second
    assert {first[2], second[2]} == {"client", "server"}  # each says goodbye, on its own account
    for label, sentence in heads:
        assert label == ("sent" if f"from the {side.value}:" in sentence else "received")


def test_there_is_a_telling_for_every_message() -> None:
    assert set(SENTENCES) == set(NAMES)


@SIDES
@pytest.mark.parametrize("rung", RUNGS)
def test_a_why_is_told_once_for_each_message(certs: Path, rung: str, side: Side) -> None:
    rows = told(rung, certs).rows[side]
    seen = {rows[0][1].partition(" ")[0] for rows in rows}
    whys = [each for each in rows if WHY in dict(each)]
    assert len(whys) == len(seen)
    assert all([label for label, _ in each[-3:]] == [WHY, HAVE, EAVESDROPPER] for each in whys)


def test_a_second_conversation_is_told_the_whys_again(certs: Path) -> None:
    rows: list[Rows] = []
    protocol = edu(RUNGS["dh"], watch=watching(Explainer(), rows))
    for _ in range(2):
        protocol.client(party_of(certs, Side.CLIENT))
    assert [len(each) for each in rows] == [4, 4]


# The numbers, and what an eavesdropper makes of them ----------------------------------------------------------------


def test_the_story_is_told_with_its_numbers(certs: Path) -> None:
    story = told("multiply", certs, STORY)
    client, server = story.of(Side.CLIENT, "client_hello"), story.of(Side.SERVER, "server_hello")
    assert 'share "1500"' in client["sent"]
    assert "300 x 5 = 1500" in client[WHY]
    assert 'share "2100"' in server["sent"]
    assert "300 x 7 = 2100" in server[WHY]
    assert "by its own secret (7 here). Both get 10500. It was not sent." in server[HAVE]
    assert "by its own secret (5 here). Both get 10500." in story.of(Side.CLIENT, "server_hello")[HAVE]


@SIDES
def test_the_eavesdropper_of_the_story_has_all_numbers(certs: Path, side: Side) -> None:
    story = told("multiply", certs, STORY)
    assert "It divides: 1500 / 300 = 5, the client's secret." in story.of(side, "client_hello")[EAVESDROPPER]
    assert "and then the shared secret, 10500. It has every key." in story.of(side, "server_hello")[EAVESDROPPER]


@SIDES
@pytest.mark.parametrize("group", [Multiplication(), FiniteField(1009, 11)], ids=lambda group: group.name)
def test_small_numbers_are_reckoned_right(certs: Path, group: Group, side: Side) -> None:
    conversation = told("dh", certs, group)
    for machine in map(conversation.machine, Side):
        made = f"300 x {machine.secret} =" if isinstance(group, Multiplication) else f"11^{machine.secret} mod 1009 ="
        assert f"{made} {group.public(machine.secret)}" in conversation.text(machine.side, without=EAVESDROPPER)
    shared = int.from_bytes(conversation.machine(side).shared)
    assert f"Both get {shared}. It was not sent." in conversation.of(side, "server_hello")[HAVE]


@SIDES
@pytest.mark.parametrize(
    "group",
    [None, FiniteField(FFDHE2048, 2), FiniteField(1009, 11), Multiplication()],
    ids=lambda group: str(group)[:20],
)
def test_the_secret_of_the_other_side_is_never_told(certs: Path, group: Group | None, side: Side) -> None:
    conversation = told("dh", certs, group)
    secret = conversation.machine(side.other).secret
    told_here = conversation.text(side, without=EAVESDROPPER)  # the eavesdropper may have computed it
    for digits in (str(secret), f"{secret:x}"):
        assert not re.search(rf"(?:300 x|11\^){digits}\b" if secret < 2**40 else digits[:10], told_here)
    assert re.search("its secret|the secret times|to the power of the secret", told_here)


@SIDES
@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        (X25519(), "Has both key shares, but cannot compute the shared secret."),
        (FiniteField(FFDHE2048, 2), "Has both key shares, but cannot compute the shared secret."),
        (FiniteField(1009, 11), "It has every key."),
        (FiniteField(2**127 - 1, 3), "Has both key shares, and perhaps can compute the shared secret."),
    ],
    ids=["x25519", "ffdhe2048", "1009:11", "a prime of 127 bits"],
)
def test_it_is_told_whether_an_eavesdropper_has_the_secret(
    certs: Path, group: Group, sentence: str, side: Side
) -> None:
    assert sentence in told("dh", certs, group).of(side, "server_hello")[EAVESDROPPER]


def test_in_a_tiny_group_it_is_told_how_many_exponents_there_are(certs: Path) -> None:
    assert (
        "there are only 1007." in told("dh", certs, FiniteField(1009, 11)).of(Side.CLIENT, "client_hello")[EAVESDROPPER]
    )


@pytest.mark.parametrize(
    "group",
    [
        X25519(), FiniteField(FFDHE2048, 2), Multiplication(), FiniteField(1009, 11), FiniteField(2**61 - 1, 37),
        FiniteField(1048583, 5),
    ],
    ids=["x25519", "ffdhe2048", "multiply", "1009:11", "2**61 - 1", "2**20 + 7"],
)  # fmt: skip
def test_what_is_told_of_the_eavesdropper_is_what_it_reads(certs: Path, group: Group) -> None:
    conversation = told("dh", certs, group)
    read = eavesdropping.read(conversation.outcome.tape)
    assert read in (SAYS + b"paid\n", b"")
    assert ("and decrypts them: it has the key." in conversation.of(Side.CLIENT, "record")[EAVESDROPPER]) is bool(read)


def test_a_large_group_of_ones_own_is_not_called_ffdhe2048(certs: Path) -> None:
    rows = told("dh", certs, FiniteField(2**127 - 1, 3)).of(Side.CLIENT, "client_hello")
    assert "2 to the power of the secret, modulo a prime of 2048 bits" not in rows[WHY]


# Certificates -------------------------------------------------------------------------------------------------------


def test_in_signed_it_is_told_that_nothing_is_checked(certs: Path) -> None:
    signed = told("signed", certs)
    assert signed.of(Side.CLIENT, "certificate")[HAVE].startswith("NOTHING IS CHECKED: ")
    assert "Whose key it is was not checked." in signed.of(Side.CLIENT, "certificate_verify")[HAVE]


def test_in_ca_it_is_told_what_is_checked(certs: Path) -> None:
    have = told("ca", certs).of(Side.CLIENT, "certificate")[HAVE]
    assert have.startswith("Checked: ")
    for part in ("the extended key usage allows a server", "up to the trust anchor CN=",
                 "every certificate is valid at", "the certificate is valid for localhost",
                 "no certificate of the path is revoked"):  # fmt: skip
        assert part in have
    assert "NOT checked" not in have


def test_without_lists_it_is_told_that_revocation_is_not_checked(certs: Path) -> None:
    parties = {side: replace(party_of(certs, side), crls=()) for side in Side}
    have = told("ca", certs, without=frozenset({Protection.REVOCATION}), parties=parties).of(Side.CLIENT, "certificate")
    assert have[HAVE].endswith(" NOT checked: revocation.")
    assert "no certificate of the path is revoked" not in have[HAVE]


def test_in_mutual_the_server_tells_what_it_checks_of_the_client(certs: Path) -> None:
    assert "the extended key usage allows a client" in told("mutual", certs).text(Side.SERVER)


# On the terminal ----------------------------------------------------------------------------------------------------


def command(certs: Path, rung: str, port: int) -> tuple[object, ...]:
    return "connect", f"127.0.0.1:{port}", "--protocol", rung, "--explain", "--trust", certs / "root.pem"


def explained(cli: Command, certs: Path, rung: str, port: int) -> str:
    """What `connect --explain` prints beside the answer."""
    answer = cli(*command(certs, rung, port))
    assert all(line.isprintable() for line in (answer.out + answer.err).split("\n")), answer.err
    return answer.err


GROUPS = {"ffdhe2048": FiniteField(FFDHE2048, 2), "1009:11": FiniteField(1009, 11)}


@pytest.mark.parametrize(("rung", "group"), [*((rung, None) for rung in RUNGS), *(("dh", group) for group in GROUPS)])
def test_no_line_that_is_told_is_wider_than_the_page(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch, rung: str, group: str | None
) -> None:
    monkeypatch.chdir(certs.parent)
    with live_rung(rung, certs, group=GROUPS[group] if group else None) as server:
        options = ("--group", group) if group else ()
        answer = cli("connect", f"127.0.0.1:{server.port}", "--protocol", rung, "--explain", *options)
    assert answer.code == 0
    lines = [line for line in answer.err.splitlines() if line.startswith("  ")]
    assert len(lines) > 20
    assert max(map(len, lines)) <= USUAL


def serving(
    certs: Path, then: Callable[[Server], bytes], credential: Credential | None = None, rung: str = "signed"
) -> Script:
    """A server that, when it has heard something, says what it wants."""

    def script(connected: socket.socket) -> None:
        party = party_of(certs, Side.SERVER)
        server = edu(RUNGS[rung]).server(replace(party, credential=credential or party.credential))
        assert isinstance(server, Server)
        while not server.delivered:
            server.receive(heard(connected))
            connected.sendall(server.outgoing())
        connected.sendall(then(server))

    return script


NASTY = b"\x1b]0;owned\x07\x1b[2J\r\x9b31m\n"


def nasty_alert(server: Server) -> bytes:
    return encode(server.channel.seal(Content.ALERT, b"internal_error: " + NASTY))


def nasty_data(server: Server) -> bytes:
    server.send(NASTY)
    server.close()
    return server.outgoing()


@pytest.mark.parametrize("then", [nasty_alert, nasty_data])
def test_what_a_server_says_does_not_drive_the_terminal(
    cli: Command, certs: Path, then: Callable[[Server], bytes]
) -> None:
    with acting(serving(certs, then)) as address:
        assert "\\x1b]0;owned\\x07" in explained(cli, certs, "signed", address.port)


def nasty_certificate() -> Credential:
    """Its issuer, its subject and its names would drive a terminal."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\r\u202e\u2028owned")])
    now = datetime.now(UTC).replace(microsecond=0)
    dates = Validity(now - timedelta(1), now + timedelta(1))
    root = Authority.self_signed(ROOT, subject=name, key=key(), validity=dates, serial=serial())
    return a_leaf(root, [x509.DNSName("\x1b[2J\r.example")])


def test_a_certificate_does_not_drive_the_terminal(cli: Command, certs: Path) -> None:
    with acting(serving(certs, nasty_data, nasty_certificate())) as address:
        shown = explained(cli, certs, "signed", address.port)
    assert "issued by CN=" in " ".join(shown.split())
    assert "owned" in shown
    assert all(line.isprintable() for line in shown.splitlines())


def misspelt(certs: Path) -> Credential:
    """Its issuer is no UTF-8: who only loads the certificate does not notice."""
    good = party_of(certs, Side.SERVER).credential
    assert good
    der = good.certificate.public_bytes(Encoding.DER)
    bad = der.replace(b"tlsdemo development CA intermediate", b"\xfflsdemo development CA intermediate")
    return Credential(good.key, x509.load_der_x509_certificate(bad), good.chain[1:])


@pytest.mark.parametrize("rung", ["signed", "ca"])
def test_a_certificate_with_a_misspelt_issuer_is_no_traceback(cli: Command, certs: Path, rung: str) -> None:
    with acting(serving(certs, nasty_data, misspelt(certs), rung)) as address:
        assert cli(*command(certs, rung, address.port)).code in (0, 1)


@pytest.mark.parametrize(
    "explain",
    [
        "", "--explain",
    ],
)  # fmt: skip
def test_the_server_is_told_that_its_certificate_cannot_be_read(cli: Command, certs: Path, explain: str) -> None:
    alerts = []

    def script(connected: socket.socket) -> None:
        server = edu(RUNGS["signed"]).server(party_of(certs, Side.SERVER))
        server.receive(heard(connected))
        hello, *_ = server.outgoing().splitlines(keepends=True)
        connected.sendall(hello + encode(Certificate((b"\x30\x00",))))
        alerts.append(connected.recv(1 << 16))

    with acting(script) as address:
        words = command(certs, "signed", address.port)
        assert cli(*(word for word in words if word != "--explain"), *filter(None, [explain])).code == 1
    assert b"bad_certificate" in alerts[0]


@pytest.mark.parametrize("rung", ["plain", "dh"])
def test_what_a_client_says_does_not_drive_the_servers_terminal(
    serve: Serve, cli: Command, certs: Path, rung: str
) -> None:
    server = serve("--protocol", rung, "--explain", as_json=False)
    message = "\x1b]0;owned\x07\x9b31m\u202e"
    assert cli("connect", server.target, "--protocol", rung, "--message", message).code == 0
    server.wait_for("answered, and closed")
    assert any("\\x1b]0;" in line for line in server.out)
    assert all(line.isprintable() for line in server.out)
    assert all(len(line) <= USUAL for line in server.out[10:] if line.startswith("  "))


def test_the_certificate_of_a_client_does_not_drive_the_servers_terminal(serve: Serve, certs: Path) -> None:
    server = serve("--protocol", "mutual", "--explain", as_json=False)
    party = replace(party_of(certs, Side.CLIENT), credential=nasty_certificate())
    with net.dial(net.Address("127.0.0.1", server.port)) as plain:
        link = net.Link(plain, edu(RUNGS["mutual"]).client(party))
        link.handshake(time.monotonic() + DEADLINE)
        server.wait_for("REFUSED by this server")
    assert any("owned" in line for line in server.out)
    assert all(line.isprintable() for line in server.out)


def test_the_page_has_each_line_once_and_what_an_eavesdropper_learns(certs: Path) -> None:
    entries: list[Entry] = []
    explainer = Explainer()

    def watch(machine: Machine, moment: Moment) -> None:
        if machine.side is Side.CLIENT:
            entries.extend(explainer.entries(machine, moment))

    protocol = edu(RUNGS["ca"], watch=watch)
    ends = {side: protocol.endpoint(side, party_of(certs, side)) for side in Side}
    outcome = converse(ends[Side.CLIENT], ends[Side.SERVER], lines=((Side.CLIENT, SAYS), (Side.SERVER, b"paid\n")))
    chunks: list[tuple[Sender, bytes]] = [
        ("client" if flight.sender is Side.CLIENT else "server", flight.data) for flight in outcome.tape
    ]
    client = ends[Side.CLIENT]
    assert isinstance(client, Machine)
    page = as_page([("a conversation", explanation(entries, client, chunks))], "made now")
    assert page.count("Bytes of the record") == 4  # the records; other lines are messages themselves
    assert "Header of the record" not in page
    assert "An eavesdropper: Has both key shares, but cannot compute the shared secret." in page
