"""Every way to misbehave is tried, and named: what a server does with one line, or one side with a bad other."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.store.files import read_credential
from tests.tlsdemo.edu.parties import Editor, parties
from tlsdemo.conversation import converse
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import MAX_LINE, SHAPES, TYPES, Record, decode, encode, take_line
from tlsdemo.edu.protocol import CA, DH, MUTUAL, edu
from tlsdemo.key_agreement import FiniteField
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.violations import AnyViolation, ProtocolError, Violation

HELLO: dict[str, Any] = {
    "type": "client_hello", "rung": "dh", "server_name": "localhost",
    "ciphers": ["ChaCha20-Poly1305"], "random": "00" * 32, "group": "x25519",
    "share": "09" + "00" * 31,
}  # fmt: skip


def hello(**changes: Any) -> bytes:
    entries = {**HELLO, **changes}
    return json.dumps({name: value for name, value in entries.items() if value is not ...}).encode() + b"\n"


READING = [
    (MessageViolation.NOT_JSON, b"GET / HTTP/1.1\r\n"),
    (MessageViolation.NOT_JSON, b"\n"),
    (MessageViolation.NOT_JSON, b"{]\n"),
    (MessageViolation.NOT_JSON, b'{"type": "\xff"}\n'),
    (MessageViolation.NOT_JSON, '{"type": "client_hello"}\n'.encode("utf-16")),
    (MessageViolation.NOT_JSON, b'{"type": ' + b"9" * 5000 + b"}\n"),
    (MessageViolation.IS_TLS, b"\x16\x03\x01\x02\x00"),
    (MessageViolation.IS_TLS, b"\x15"),
    (MessageViolation.OVERSIZE, b"{" * MAX_LINE),
    (MessageViolation.OVERSIZE, b'{"type": "' + b"a" * MAX_LINE),
    (MessageViolation.NESTING, hello(share={"a": "b"})),
    (MessageViolation.NESTING, hello(share=[["09"]])),
    (MessageViolation.NESTING, b'{"a": ' + b"[" * 30000 + b"\n"),
    (MessageViolation.REPEATED_FIELD, hello().replace(b'"share"', b'"share": "aa", "share"')),
    (MessageViolation.UNKNOWN_TYPE, hello(type="hello_retry_request")),
    (MessageViolation.UNKNOWN_TYPE, hello(type=...)),
    (MessageViolation.UNKNOWN_TYPE, hello(type=7)),
    (MessageViolation.UNKNOWN_TYPE, hello(type=None)),
    (MessageViolation.MISSING_FIELD, hello(random=...)),
    (MessageViolation.MISSING_FIELD, hello(rung=...)),
    (MessageViolation.UNKNOWN_FIELD, hello(cookie="00")),
    (MessageViolation.UNKNOWN_FIELD, b'{"type": "finished", "verify_data": "' + b"00" * 32 + b'", "\\ud800": ""}\n'),
    (MessageViolation.WRONG_TYPE, hello(random=7)),
    (MessageViolation.WRONG_TYPE, hello(server_name=["localhost"])),
    (MessageViolation.WRONG_TYPE, b'{"type": "certificate", "chain": "00"}\n'),
    (MessageViolation.BAD_HEX, hello(random="0X" * 32)),
    (MessageViolation.BAD_HEX, hello(random="AA" * 32)),
    (MessageViolation.BAD_HEX, hello(random="0" * 63)),
    (MessageViolation.WRONG_LENGTH, hello(random="00" * 31)),
    (MessageViolation.WRONG_LENGTH, hello(server_name="a" * 254)),
    (MessageViolation.WRONG_LENGTH, b'{"type": "certificate", "chain": []}\n'),
    (MessageViolation.BAD_TEXT, hello(server_name="local\x1b[31mhost")),
    (MessageViolation.BAD_TEXT, hello(server_name="b\u00fccher")),
    (MessageViolation.OTHER_RUNG, hello(rung="ca")),
    (MessageViolation.OTHER_RUNG, b'{"type": "client_hello", "rung": "plain", "server_name": "localhost"}\n'),
    (MessageViolation.OTHER_GROUP, hello(group="ffdhe2048")),
    (Violation.UNEXPECTED_MESSAGE, b'{"type": "record", "sealed": "' + b"00" * 20 + b'"}\n'),
    (Violation.BAD_SHARE, hello(share="00" * 32)),
    (Violation.BAD_SHARE, hello(share="09")),
    (Violation.ALERT, b'{"type": "alert", "description": "internal_error", "detail": "no"}\n'),
    (Violation.TRUNCATED, b'{"type": "alert", "description": "close_notify", "detail": ""}\n'),
]


@pytest.mark.parametrize(("violation", "data"), READING, ids=lambda value: getattr(value, "name", ""))
def test_a_server_names_what_is_wrong_with_what_came(certs: Path, violation: AnyViolation, data: bytes) -> None:
    server = edu(DH).server(parties(certs)[1])
    server.receive(data)
    assert isinstance(server.error, ProtocolError)
    assert server.error.violation is violation
    assert not server.accepted
    answer = server.outgoing()
    silent = (Violation.ALERT, Violation.TRUNCATED)
    assert answer == b"" if violation in silent else json.loads(answer)["description"] == violation.alert
    server.receive(hello())
    assert server.error.violation is violation
    assert server.outgoing() == b""


# Two sides ----------------------------------------------------------------------------------------------------------


def bad_finished(certs: Path) -> Machine:
    return against(certs, DH, Editor(Side.CLIENT, "finished", lambda entries: [{**entries, "verify_data": "00" * 32}]))


def bad_certificate(certs: Path) -> Machine:
    return against(certs, CA, Editor(Side.SERVER, "certificate", lambda entries: [{**entries, "chain": ["3000"]}]))


def bad_signature(certs: Path) -> Machine:
    client, server = parties(certs)
    rogue = read_credential(certs / "rogue/server.pem", certs / "rogue/server.key")
    assert server.credential
    return ends(CA, client, replace(server, credential=replace(server.credential, key=rogue.key)))


def forged(certs: Path) -> Machine:
    client, server = parties(certs)
    rogue = read_credential(certs / "rogue/server.pem", certs / "rogue/server.key")
    return ends(CA, client, replace(server, credential=rogue))


def no_certificate(certs: Path) -> Machine:
    client, server = parties(certs)
    return ends(MUTUAL, replace(client, credential=None), server)


def no_cipher(certs: Path) -> Machine:
    return against(certs, DH, Editor(Side.CLIENT, "client_hello", lambda entries: [{**entries, "ciphers": ["RC4"]}]))


def other_cipher(certs: Path) -> Machine:
    return against(certs, DH, Editor(Side.SERVER, "server_hello", lambda entries: [{**entries, "cipher": "RC4"}]))


def bad_record(certs: Path) -> Machine:
    return against(certs, DH, Editor(Side.CLIENT, "record", lambda entries: [{**entries, "sealed": "00" * 20}]))


def bad_content(certs: Path) -> Machine:
    client, server = (edu(DH).endpoint(side, party) for side, party in zip(Side, parties(certs), strict=True))
    assert isinstance(client, Machine)
    assert isinstance(server, Machine)
    server.receive(client.outgoing())
    client.receive(server.outgoing())
    server.receive(client.outgoing())
    unknown = client.channel._sending.seal(b"hello" + bytes([99]))
    server.receive(encode(Record(unknown)))
    return server


def against(certs: Path, claims: frozenset[Protection], editor: Editor) -> Machine:
    client, server = parties(certs)
    return ends(claims, client, server, editor)


def ends(claims: frozenset[Protection], client: Party, server: Party, editor: Editor | None = None) -> Machine:
    protocol = edu(claims)
    one, other = protocol.client(client), protocol.server(server)
    converse(one, other, editor, [(Side.CLIENT, b"hello\n")])
    assert other.delivered == b""
    for end in (one, other):  # who found it: the other has it from an alert
        assert isinstance(end, Machine)
        if isinstance(end.error, ProtocolError) and end.error.violation is not Violation.ALERT:
            return end
    raise AssertionError("nobody noticed")


BETWEEN: dict[AnyViolation, Callable[[Path], Machine]] = {
    MessageViolation.NO_CIPHER: no_cipher,
    MessageViolation.OTHER_CIPHER: other_cipher,
    Violation.BAD_FINISHED: bad_finished,
    Violation.BAD_CERTIFICATE: bad_certificate,
    Violation.BAD_SIGNATURE: bad_signature,
    Violation.FORGED: forged,
    Violation.NO_CERTIFICATE: no_certificate,
    Violation.BAD_RECORD: bad_record,
    Violation.BAD_CONTENT: bad_content,
}


@pytest.mark.parametrize("violation", BETWEEN, ids=lambda violation: violation.name)
def test_one_side_names_what_is_wrong_with_the_other(certs: Path, violation: AnyViolation) -> None:
    end = BETWEEN[violation](certs)
    assert isinstance(end.error, ProtocolError)
    assert end.error.violation is violation


JUDGED_IN_TEST_TRUST = {
    Violation.WRONG_PURPOSE, Violation.UNTRUSTED, Violation.OUT_OF_DATE, Violation.WRONG_NAME, Violation.REVOKED,
    Violation.WEAK_KEY,
}  # fmt: skip


def test_no_violation_stays_untried() -> None:
    assert {violation for violation, _ in READING} | set(BETWEEN) | JUDGED_IN_TEST_TRUST == {
        *Violation,
        *MessageViolation,
    }


# Whatever comes -----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "rung", "share", "chain"]) | st.text(), inner)
    ),
)


@given(st.binary())
def test_whatever_bytes_come_are_a_message_or_a_violation(line: bytes) -> None:
    with suppress(ProtocolError):
        decode(line, "dh")


@given(JSON)
def test_whatever_json_comes_is_a_message_or_a_violation(value: Any) -> None:
    with suppress(ProtocolError):
        decode(json.dumps(value).encode(), "dh")


SAMPLES = {
    "client_hello": hello(),
    "server_hello": b'{"type": "server_hello", "rung": "dh", "cipher": "none", "random": "%s", "share": "09"}\n'
    % (b"00" * 32),
    "certificate": b'{"type": "certificate", "chain": ["3000", "3001"]}\n',
    "certificate_verify": b'{"type": "certificate_verify", "signature": "00"}\n',
    "finished": b'{"type": "finished", "verify_data": "%s"}\n' % (b"ab" * 32),
    "record": b'{"type": "record", "sealed": "%s"}\n' % (b"cd" * 20),
    "data": b'{"type": "data", "text": "\\u00ff\\n"}\n',
    "alert": b'{"type": "alert", "description": "decode_error", "detail": "so"}\n',
}


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_read_is_what_is_written(kind: str) -> None:
    line = SAMPLES[kind]
    message = decode(line[:-1], "dh")
    assert encode(message) == line
    assert set(json.loads(line)) == {"type", *SHAPES[type(message)]}


@given(st.lists(st.sampled_from(sorted(SAMPLES.values())), max_size=4), st.integers(1, 50))
def test_lines_come_out_as_they_went_in_however_they_are_cut(lines: list[bytes], size: int) -> None:
    buffer, found, stream = bytearray(), [], b"".join(lines)
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        while (line := take_line(buffer)) is not None:
            found.append(line + b"\n")
    assert found == lines
    assert not buffer


def test_a_group_that_is_not_strong_does_not_go_with_the_claim() -> None:
    with pytest.raises(ValueError, match="STRONG_GROUP is claimed"):
        edu(DH, group=FiniteField(23, 5))
    assert edu(DH - {Protection.STRONG_GROUP}, group=FiniteField(23, 5)).name == "dh without strong group"
