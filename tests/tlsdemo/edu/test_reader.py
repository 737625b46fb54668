"""One strict reader of the JSON protocol for all who read it: any JSON value in any field, any bytes in any line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki.store.files import read_credential
from tests.tlsdemo.edu.parties import connected, parties, talk
from tlsdemo.attack.negotiation import FirstFlight
from tlsdemo.attack.on_path import LIVE, LiveAttacker
from tlsdemo.cli.eavesdrop import EavesdropRelay
from tlsdemo.cli.reporter import Reporter
from tlsdemo.edu import eavesdropping
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.framing import Lines, downgrade, rename
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import MAX_LINE, Cutter, read
from tlsdemo.edu.protocol import CA, DH, MULTIPLY, MUTUAL, PLAIN, assemble, edu
from tlsdemo.protocol import Flight, Protection, Side
from tlsdemo.violations import ProtocolError

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)  # halves of surrogate pairs, too
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from(["", "0", "00", "0x", "٣"])
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3))
RANDOM = "00" * 32
VALID: tuple[dict[str, Any], ...] = (
    {
        "type": "client_hello", "rung": "dh", "server_name": "localhost", "ciphers": ["ChaCha20-Poly1305"],
        "random": RANDOM, "group": "1009:11", "share": "5",
    },
    {"type": "server_hello", "rung": "dh", "cipher": "ChaCha20-Poly1305", "random": RANDOM, "share": "5"},
    {"type": "certificate", "chain": ["3000"]},
    {"type": "certificate_verify", "signature": "00"},
    {"type": "finished", "verify_data": RANDOM},
    {"type": "record", "sealed": "00" * 20},
    {"type": "data", "text": "hello"},
    {"type": "alert", "description": "close_notify", "detail": ""},
)  # fmt: skip
GROUPS = st.sampled_from(
    [
        "multiplication by 0",
        "multiplication by 300",
        "1:1",
        "23:5",
        "1009:11",
        "x25519",
        "4294967291:2",
        "9" * 1300 + ":2",
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A message with something else in one of its fields, or with a field more or less."""
    entries = dict(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 2))):
        entries[draw(st.sampled_from(list(entries)) | ANY_TEXT)] = draw(JSON)
    if draw(st.booleans()) and "group" in entries:
        entries["group"] = draw(GROUPS)
    if draw(st.integers(0, 5)) == 0:
        del entries[draw(st.sampled_from(list(entries)))]
    return json.dumps(entries).encode() + b"\n"


SPECIAL = [
    b'{"type": "record", "sealed": "0"}\n',
    b'{"type": "client_hello", "ciphers": 5}\n',
    b'{"type": "client_hello", "rung": "dh", "server_name": "", "ciphers": 5, "random": "00"}\n',
    b'{"type": "record", "sealed": ' + b"9" * 5000 + b"}\n",
    b'{"type": "record", "sealed": NaN}\n',
    b'{"type": "record", "sealed": -Infinity}\n',
    b'{"type": "record", "sealed": 1e999}\n',
    b'{"type": "record", "sealed": "00", "sealed": "01"}\n',
    b'{"type": "record", "type": "data", "text": ""}\n',
    b'{"type": "data", "text": "\\ud800"}\n',
    b'{"type": "data", "text": "\\u0000"}\n',
    b'{"type": ["record"], "sealed": "00"}\n',
    b'{"type": {"type": "record"}}\n',
    b'{"type": "certificate", "chain": [[[]]]}\n',
    b'{"a": ' * 5000 + b"1" + b"}" * 5000 + b"\n",
    b"[" * 60_000 + b"\n",
    b"{" * 60_000 + b"\n",
    b'{"type": "data", "text": "' + b"x" * (1 << 18) + b'"}\n',
    b"null\n", b"7\n", b'""\n', b"\n", b"{}\n", b"\r\n", b"\xef\xbb\xbf{}\n", '{"type": "data"}\n'.encode("utf-16"),
]  # fmt: skip
ANY_LINE = st.one_of(
    lines(), st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"") + b"\n"), st.sampled_from(SPECIAL)
)
CHAINS = st.lists(st.tuples(st.sampled_from(Side), ANY_LINE), min_size=1, max_size=6)
WITHOUT = [
    PLAIN, MULTIPLY, DH, MUTUAL, CA - {Protection.INTEGRITY}, CA - {Protection.COMPRESSION_SAFETY},
    CA - {Protection.FRESHNESS}, CA - {Protection.FORWARD_SECRECY}, CA - {Protection.SECRECY}, CA - {Protection.ORDER},
]  # fmt: skip
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stages(certs: Path, claims: frozenset[Protection]) -> Iterator[Machine]:
    """Both ends, in each state in which they wait for something."""
    one, other = parties(certs)
    protocol = edu(claims)
    for moves in range(3):
        client, server = protocol.client(one), protocol.server(other)
        ends = [(client, server), (server, client)]
        for source, target in ends[:moves]:
            target.receive(source.outgoing())
        for each in (client, server):
            assert isinstance(each, Machine)
            yield each
    yield from connected(certs, claims)


@pytest.mark.parametrize("claims", WITHOUT, ids=lambda claims: str(edu(claims)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=ANY_LINE)
def test_an_end_names_the_violation_whatever_comes_in_whichever_state(
    certs: Path, claims: frozenset[Protection], data: bytes
) -> None:
    for end in stages(certs, claims):
        end.receive(data)
        assert end.error is None or isinstance(end.error, ProtocolError)
        end.receive_eof()
        end.outgoing()


@MANY
@given(data=ANY_LINE, body=st.binary(max_size=40))
def test_an_attacker_on_the_line_reads_any_line(data: bytes, body: bytes) -> None:
    rules = assemble(CA - {Protection.COMPRESSION_SAFETY}, None).rules
    framing = Lines(rules.pack, rules.unpack)
    listener = framing.listener()
    for record in framing.split(data):
        found = framing.body(record)
        assert framing.label(record).isprintable()
        assert framing.may_be_the_end(record) in (True, False)
        assert listener(Side.CLIENT, record) == (found is not None)
        if found is not None:
            framing.words(found)
            assert framing.body(framing.with_body(record, body or b"x")) == (body or b"x")
    assert rename(data, "evil.example")
    assert downgrade(data)


@MANY
@given(passed=CHAINS)
def test_the_eavesdropper_bears_any_lines(passed: list[tuple[Side, bytes]]) -> None:
    relay = EavesdropRelay(Reporter())
    for side, data in passed:
        assert relay.on_data(Flight(side, data)) == [(side.other, data)]
    assert relay.conclusion()


@MANY
@given(passed=CHAINS)
def test_a_recording_of_any_lines_is_opened_or_not(certs: Path, passed: list[tuple[Side, bytes]]) -> None:
    tape = [Flight(side, data) for side, data in passed]
    key = read_credential(certs / "server.pem", certs / "server.key").key
    for claims in (PLAIN, MULTIPLY, DH, CA - {Protection.INTEGRITY}, CA - {Protection.FORWARD_SECRECY}):
        recording = eavesdropping.Recording(assemble(claims, None))
        recording.reckon(tape)
        recording.decipher(tape, key)
        recording.solve(tape, [bytes(32)])
        recording.confine(tape, lambda question: b"".join(data for _, data in passed))


@pytest.mark.parametrize("attack", LIVE)
@settings(max_examples=40, deadline=None)
@given(passed=CHAINS)
def test_every_live_attack_bears_any_lines(attack: str, passed: list[tuple[Side, bytes]]) -> None:
    hooks = edu(DH).hooks
    assert hooks.framing
    for attempt in LIVE[attack](hooks.framing, hooks):
        attacker = LiveAttacker(hooks.framing, attempt(), lambda step: None)
        for side, data in passed:
            attacker.on_data(Flight(side, data))
        for side in Side:
            attacker.on_eof(side)


def test_the_first_flight_is_edited_where_it_is_one_and_left_alone_where_not(certs: Path) -> None:
    hello = json.dumps(VALID[0]).encode() + b"\n"
    assert json.loads(rename(hello + b"rest", "evil.example").partition(b"\n")[0])["server_name"] == "evil.example"
    for strange in SPECIAL:
        (delivery,) = FirstFlight(downgrade).on_data(Flight(Side.CLIENT, strange))
        assert delivery == (Side.SERVER, strange)


@pytest.mark.parametrize("line", SPECIAL, ids=lambda line: ascii(line[:40]))
def test_what_is_no_message_is_a_violation_with_an_alert(line: bytes) -> None:
    if line == b'{"type": "data", "text": "\\u0000"}\n':
        return  # a NUL is a byte like any other
    with pytest.raises(ProtocolError) as refused:
        read(line.removesuffix(b"\n"))
    assert refused.value.violation.alert in (
        "decode_error",
        "unexpected_message",
        "record_overflow",
        "missing_extension",
    )


@pytest.mark.parametrize("claims", [PLAIN, MULTIPLY, DH, MUTUAL], ids=lambda claims: str(edu(claims)))
def test_an_onlooker_reads_every_message_that_the_two_sides_write(certs: Path, claims: frozenset[Protection]) -> None:
    outcome = talk(*parties(certs), claims)
    passed = [line for flight in outcome.tape for line in flight.data.split(b"\n")[:-1]]
    assert len(passed) > 4
    for line in passed:
        read(line)


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_lines_are_cut_in_one_pass_and_a_long_one_is_not_kept_whole(size: int) -> None:
    stream = b"a\n\n" + b"b" * (3 * MAX_LINE) + b"\nc\nd"
    cutter, found = Cutter(), []
    for at in range(0, len(stream), size):
        found += cutter.feed(stream[at : at + size])
        assert len(cutter._line) <= MAX_LINE
    assert found == [b"a", b"", b"b" * MAX_LINE, b"c"]
    with pytest.raises(ProtocolError) as refused:
        read(found[2])
    assert refused.value.violation is MessageViolation.OVERSIZE
