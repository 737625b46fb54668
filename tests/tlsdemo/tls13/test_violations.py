"""Every violation is provoked by bytes at a real endpoint, which answers with the alert of §6. Caught: a dead check."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki import Credential, names
from tests.tlsdemo.tls13.parties import (
    Edit,
    Ends,
    Provocation,
    assert_provoked,
    in_the_clear,
    later,
    party,
    record,
    sealed,
    sends,
    the_world,
    violation_of,
    with_extension,
)
from tlsdemo.credentials import kinds
from tlsdemo.key_agreement import FFDHE2048
from tlsdemo.protocol import Party, Protection, Side
from tlsdemo.tls13 import signatures
from tlsdemo.tls13.key_agreement import FFDHE2048_NUMBER, SECP256R1, X25519_NUMBER, X25519MLKEM768
from tlsdemo.tls13.machine import ALERT_NUMBERS, Machine
from tlsdemo.tls13.protocol import ALL
from tlsdemo.tls13.signatures import ECDSA_P256, ECDSA_P384, ED25519
from tlsdemo.tls13.violations import TlsViolation as T
from tlsdemo.violations import AnyViolation, Violation
from tlsdemo.wire import extensions as e
from tlsdemo.wire import key_schedule13
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import encode
from tlsdemo.wire.handshake import Extension, Handshake, ServerHello
from tlsdemo.wire.messages13 import (
    HELLO_RETRY_REQUEST_RANDOM,
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    Message,
    NewSessionTicket,
    encode_message,
)
from tlsdemo.wire.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE

CLIENT, SERVER = Side.CLIENT, Side.SERVER
HEARTBEAT = 24  # a content type that is not in use here
Further = tuple[str, AnyViolation, Provocation]

# One message is edited ----------------------------------------------------------------------------------------------

RETRY: Mapping[Side, Mapping[str, Any]] = {
    CLIENT: {"groups": (X25519_NUMBER, SECP256R1)},
    SERVER: {"groups": (SECP256R1,)},
}
"""The server does not support the group of the client's key share, and sends a HelloRetryRequest."""


def client_hello(edit: Edit, **options: Any) -> Provocation:
    return sends(CLIENT, ClientHello, edit, protected=False, **options)


def server_hello(edit: Edit, **options: Any) -> Provocation:
    return sends(SERVER, ServerHello, edit, protected=False, **options)


def second_hello(edit: Edit, options: Mapping[Side, Mapping[str, Any]] = RETRY) -> Provocation:
    """The client edits the second ClientHello, and not the first."""

    def only_the_second(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
        return edit(peer, message) if message.extension(e.COOKIE) is not None else [message]

    return client_hello(only_the_second, options=options)


def retry(edit: Edit) -> Provocation:
    return sends(SERVER, HelloRetryRequest, edit, protected=False, options=RETRY)


def changed(**values: Any) -> Edit:
    return lambda peer, message: [replace(message, **values)]


def extended(number: int, content: Any) -> Edit:
    """That extension has other content; None removes it."""
    return lambda peer, message: [with_extension(message, number, content)]


def both(*edits: Edit) -> Edit:
    """One edit after the other, each of one message to one."""

    def edit(peer: Machine, message: Any) -> Iterable[Message | bytes]:
        for each in edits:
            (message,) = each(peer, message)
        return [message]

    return edit


def twice(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    return [message, message]


def with_extension_twice(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
    return [replace(message, extensions=(*(message.extensions or ()), *(message.extensions or ())[:1]))]


def data_before(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    peer.seal_data(b"too early")
    return [message]


def followed_by_more(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    """The message, and the beginning of another one in the same record."""
    content = encode_message(message)
    peer.add(message, content, peer._records(HANDSHAKE, content + b"\x08"))
    return []


def shares(*entries: tuple[int, bytes]) -> e.KeyShareClientHello:
    return e.KeyShareClientHello(tuple(e.KeyShareEntry(*entry) for entry in entries))


def share(group: int, key_exchange: bytes) -> e.KeyShareServerHello:
    return e.KeyShareServerHello(e.KeyShareEntry(group, key_exchange))


def protocols(*answers: str) -> Edit:
    names_ = tuple(e.ProtocolName(each.encode()) for each in answers)
    return extended(e.ALPN, e.ProtocolNameList(names_))


def schemes(*numbers: int) -> Edit:
    return extended(e.SIGNATURE_ALGORITHMS, e.SignatureSchemeList(numbers))


A_POINT = bytes([9]) + bytes(31)
PSK = e.OfferedPsks((e.PskIdentity(b"ticket", 0),), (bytes(32),))
MODES = e.PskKeyExchangeModes(b"\x01")
TWO_NAMES = e.ServerNameList((e.ServerName(0, b"localhost"), e.ServerName(0, b"example.com")))
ALPN: Mapping[str, Any] = {"protocols": ("h2", "http/1.1")}


# Records are delivered ----------------------------------------------------------------------------------------------


def starts_with(data: bytes) -> Provocation:
    """The first bytes that the server receives."""

    def run() -> Ends:
        ends = Ends.create()
        ends.client.outgoing()
        return ends.deliver(SERVER, data)

    return Provocation(run, SERVER, protected=False)


def answers_with(data: bytes) -> Provocation:
    """The first bytes that the client receives."""

    def run() -> Ends:
        ends = Ends.create()
        ends.client.outgoing()
        return ends.deliver(CLIENT, data)

    return Provocation(run, CLIENT, protected=False)


def updates(sender: Machine) -> bytes:
    for _ in range(33):
        sender.say(KeyUpdate(0))
        sender.update_key(sender.side)
    return sender.outgoing()


def damaged(sender: Machine) -> bytes:
    sender.send(b"PAY 100")
    return sender.outgoing()[:-1] + b"\0"


def closed_without_close_notify() -> Ends:
    ends = Ends.create().connected()
    ends.server.receive_eof()
    return ends


# Certificates -------------------------------------------------------------------------------------------------------


def presents(credential: Callable[[], Credential | None], side: Side = SERVER, **options: Any) -> Provocation:
    def run() -> Ends:
        return Ends.create(parties={side: replace(party(side), credential=credential())}, **options).run()

    return Provocation(run, side.other, protected=True)


def minted(kind: kinds.Kind) -> Callable[[], Credential]:
    return lambda: the_world().mint.credential(kind)


def judged_by(change: Callable[[Party], Party]) -> Provocation:
    """The client differs in what it trusts or asks for."""
    return Provocation(lambda: Ends.create(parties={CLIENT: change(party(CLIENT))}).run(), CLIENT, protected=True)


def in_200_days(own: Party) -> Party:
    return replace(own, clock=lambda: own.clock() + timedelta(200))


def without_issuers() -> Credential:
    own = party(SERVER).credential
    assert own
    return replace(own, issuers=())


P256_OID = bytes.fromhex("06082a8648ce3d030107")  # in DER


def with_unknown_curve(peer: Machine, message: Certificate) -> Iterable[Message | bytes]:
    """The server's certificate, but its key is on a curve that does not exist."""
    der = message.certificate_list[0].cert_data
    assert P256_OID in der
    return [replace(message, certificate_list=(CertificateEntry(der.replace(P256_OID, P256_OID[:-1] + b"\x63")),))]


PROVOKE: Mapping[AnyViolation, Provocation] = {
    # Records
    T.NOT_TLS: starts_with(b"GET / HTTP/1.1\r\n\r\n"),
    T.RECORD_OVERFLOW: starts_with(bytes.fromhex("16 0301 4001")),
    T.CIPHERTEXT_OVERFLOW: later(SERVER, lambda sender: bytes.fromhex("17 0303 4101")),
    T.PLAINTEXT_OVERFLOW: later(SERVER, record(APPLICATION_DATA, bytes(2**14 + 1))),
    T.EMPTY_RECORD: starts_with(bytes.fromhex("16 0301 0000")),
    T.NO_CONTENT_TYPE: later(CLIENT, record(0, bytes(10))),
    T.UNPROTECTED_RECORD: later(SERVER, lambda sender: in_the_clear(KeyUpdate(0))),
    T.PROTECTED_TOO_EARLY: starts_with(bytes.fromhex("17 0303 0011") + bytes(17)),
    T.INTERLEAVED: starts_with(bytes.fromhex("16 0301 0002 0100 15 0301 0002 0100")),
    T.KEY_CHANGE_IN_RECORD: sends(SERVER, ServerHello, followed_by_more),
    T.DATA_BEFORE_FINISHED: sends(SERVER, Finished, data_before),
    T.BAD_CHANGE_CIPHER_SPEC: answers_with(bytes.fromhex("14 0303 0001 02")),
    T.MISPLACED_CHANGE_CIPHER_SPEC: starts_with(bytes.fromhex("14 0303 0001 01")),
    T.PROTECTED_CHANGE_CIPHER_SPEC: later(CLIENT, record(CHANGE_CIPHER_SPEC, b"\x01")),
    T.TOO_MANY_RECORDS: answers_with(bytes.fromhex("14 0303 0001 01") * 33),
    T.BAD_ALERT: starts_with(bytes.fromhex("15 0301 0001 02")),
    # Messages
    T.MESSAGE_TOO_LONG: starts_with(bytes.fromhex("16 0301 0004 01 020001")),
    T.UNKNOWN_MESSAGE: starts_with(bytes.fromhex("16 0301 0004 00 000000")),  # HelloRequest of TLS 1.2
    T.UNDECODABLE: starts_with(bytes.fromhex("16 0301 0005 01 000001 03")),
    T.DUPLICATE_EXTENSION: client_hello(with_extension_twice),
    T.UNDECODABLE_EXTENSION: client_hello(extended(e.SUPPORTED_GROUPS, b"\0\1\0")),
    T.MISPLACED_EXTENSION: client_hello(extended(e.OID_FILTERS, b"\0\0")),
    T.UNSOLICITED_EXTENSION: sends(SERVER, EncryptedExtensions, extended(0x1234, b"")),
    # ClientHello
    T.SSL3: client_hello(changed(legacy_version=0x0300)),
    T.OLD_VERSION: client_hello(extended(e.SUPPORTED_VERSIONS, None)),
    T.COMPRESSION_OFFERED: client_hello(changed(legacy_compression_methods=b"\1\0")),
    T.MISSING_GROUPS: client_hello(extended(e.SUPPORTED_GROUPS, None)),
    T.MISSING_KEY_SHARE: client_hello(extended(e.KEY_SHARE, None)),
    T.MISSING_SCHEMES: client_hello(extended(e.SIGNATURE_ALGORITHMS, None)),
    T.NO_COMMON_SUITE: client_hello(changed(cipher_suites=(0x1304,))),
    T.NO_COMMON_GROUP: client_hello(
        both(extended(e.SUPPORTED_GROUPS, e.NamedGroupList((0x001E,))), extended(e.KEY_SHARE, shares((0x1E, b"x"))))
    ),
    T.NO_COMMON_SCHEME: sends(CLIENT, ClientHello, schemes(ED25519)),
    T.NO_COMMON_PROTOCOL: client_hello(protocols("irc"), **ALPN),
    T.SHARE_OF_OTHER_GROUP: client_hello(extended(e.KEY_SHARE, shares((X25519_NUMBER, A_POINT), (0x1E, b"x")))),
    T.SHARE_TWICE: client_hello(extended(e.KEY_SHARE, shares(*2 * [(X25519_NUMBER, A_POINT)]))),
    T.REPEATED_NAME: client_hello(extended(e.SERVER_NAME, TWO_NAMES)),
    T.PSK_NOT_LAST: client_hello(both(extended(e.PRE_SHARED_KEY, PSK), extended(e.PSK_KEY_EXCHANGE_MODES, MODES))),
    T.PSK_WITHOUT_MODES: client_hello(extended(e.PRE_SHARED_KEY, PSK)),
    T.SECOND_HELLO_CHANGED: second_hello(changed(random=bytes(32))),
    T.SECOND_HELLO_SHARE: second_hello(extended(e.KEY_SHARE, shares())),
    T.COOKIE_NOT_REPEATED: second_hello(extended(e.COOKIE, e.Cookie(b"another"))),
    T.UNASKED_COOKIE: client_hello(extended(e.COOKIE, e.Cookie(b"from before"))),
    # ServerHello and HelloRetryRequest
    T.SERVER_CHOSE_OLD_VERSION: server_hello(extended(e.SUPPORTED_VERSIONS, None)),
    T.DOWNGRADE_SENTINEL: server_hello(
        both(extended(e.SUPPORTED_VERSIONS, None), changed(random=bytes(24) + b"DOWNGRD\x01"))
    ),
    T.OTHER_VERSION: server_hello(extended(e.SUPPORTED_VERSIONS, e.SelectedVersion(0x0305))),
    T.LEGACY_VERSION: server_hello(changed(legacy_version=0x0304)),
    T.SESSION_ID_NOT_ECHOED: server_hello(changed(legacy_session_id_echo=b"")),
    T.SUITE_NOT_OFFERED: server_hello(changed(cipher_suite=0x1304)),
    T.COMPRESSION_CHOSEN: server_hello(changed(legacy_compression_method=1)),
    T.MISSING_SERVER_SHARE: server_hello(extended(e.KEY_SHARE, None)),
    T.SHARE_NOT_OFFERED: server_hello(extended(e.KEY_SHARE, share(SECP256R1, bytes(65)))),
    T.SECOND_RETRY: retry(twice),
    T.RETRY_CHANGES_NOTHING: retry(both(extended(e.KEY_SHARE, None), extended(e.COOKIE, None))),
    T.RETRY_GROUP_NOT_OFFERED: retry(extended(e.KEY_SHARE, e.KeyShareHelloRetryRequest(X25519MLKEM768))),
    T.RETRY_GROUP_ALREADY_SENT: retry(extended(e.KEY_SHARE, e.KeyShareHelloRetryRequest(X25519_NUMBER))),
    T.SUITE_CHANGED: server_hello(changed(cipher_suite=0x1303), options=RETRY),
    T.GROUP_CHANGED: server_hello(extended(e.KEY_SHARE, share(X25519_NUMBER, A_POINT)), options=RETRY),
    # EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished
    T.PROTOCOL_NOT_OFFERED: sends(SERVER, EncryptedExtensions, protocols("irc"), **ALPN),
    T.SEVERAL_PROTOCOLS: sends(SERVER, EncryptedExtensions, protocols("h2", "http/1.1"), **ALPN),
    T.REQUEST_CONTEXT: sends(SERVER, CertificateRequest, changed(certificate_request_context=b"1")),
    T.MISSING_REQUEST_SCHEMES: sends(
        SERVER, CertificateRequest, both(extended(0x1234, b""), extended(e.SIGNATURE_ALGORITHMS, None))
    ),
    T.CERTIFICATE_CONTEXT: sends(CLIENT, Certificate, changed(certificate_request_context=b"1")),
    T.EMPTY_CERTIFICATE: sends(SERVER, Certificate, changed(certificate_list=())),
    T.SCHEME_NOT_OFFERED: sends(SERVER, CertificateVerify, changed(algorithm=0x0401)),
    T.SCHEME_OF_OTHER_KEY: sends(SERVER, CertificateVerify, changed(algorithm=ED25519)),
    T.FINISHED_LENGTH: sends(SERVER, Finished, changed(verify_data=b"")),
    # After the handshake
    T.BAD_KEY_UPDATE: later(SERVER, lambda sender: sealed(sender, HANDSHAKE, b"\x18\0\0\x01\x02")),
    T.TOO_MANY_KEY_UPDATES: later(CLIENT, updates),
    # Of both handshakes
    Violation.UNEXPECTED_MESSAGE: starts_with(in_the_clear(Finished(bytes(32)))),
    Violation.TRUNCATED: Provocation(closed_without_close_notify, SERVER, protected=True),
    Violation.ALERT: answers_with(bytes.fromhex("15 0303 0002 02 28")),
    Violation.BAD_SHARE: client_hello(extended(e.KEY_SHARE, shares((X25519_NUMBER, bytes(32))))),
    Violation.BAD_SIGNATURE: sends(CLIENT, CertificateVerify, changed(signature=bytes(70))),
    Violation.BAD_FINISHED: sends(CLIENT, Finished, changed(verify_data=bytes(32))),
    Violation.BAD_RECORD: later(SERVER, damaged),
    Violation.BAD_CONTENT: later(SERVER, record(HEARTBEAT, b"\1")),
    Violation.NO_CERTIFICATE: presents(lambda: None, CLIENT),
    Violation.BAD_CERTIFICATE: sends(SERVER, Certificate, changed(certificate_list=(CertificateEntry(b"0\0"),))),
    Violation.WEAK_KEY: sends(SERVER, Certificate, with_unknown_curve, claims=ALL - {Protection.CHAIN}),
    Violation.WRONG_PURPOSE: presents(lambda: party(CLIENT).credential),
    Violation.FORGED: presents(minted(kinds.ROGUE)),
    Violation.UNTRUSTED: presents(without_issuers),
    Violation.OUT_OF_DATE: judged_by(in_200_days),
    Violation.WRONG_NAME: judged_by(lambda own: replace(own, name=names.reference("shop.example"))),
    Violation.REVOKED: presents(minted(kinds.REVOKED)),
}


def test_no_violation_stays_without_a_provocation() -> None:
    assert set(PROVOKE) == {*T, *Violation}


@pytest.mark.parametrize("violation", PROVOKE, ids=lambda violation: violation.name)
def test_a_violation_is_found_and_answered_with_its_alert(violation: AnyViolation) -> None:
    assert_provoked(violation, PROVOKE[violation])


@pytest.mark.parametrize("violation", PROVOKE, ids=lambda violation: violation.name)
def test_after_a_violation_nothing_more_is_received_or_sent(violation: AnyViolation) -> None:
    ends = PROVOKE[violation].run()
    victim = ends[PROVOKE[violation].victim]
    victim.receive(in_the_clear(Finished(bytes(32))))
    victim.receive_eof()
    victim.close()
    with pytest.raises(ValueError, match="after an error"):
        victim.send(b"x")
    assert victim.outgoing() == b""
    assert violation_of(victim) is violation


def test_every_alert_is_one_of_section_6() -> None:
    assert {violation.alert for violation in (*T, *Violation)} <= set(ALERT_NUMBERS)


# Further ways, and the other side -----------------------------------------------------------------------------------

THREE: Mapping[Side, Mapping[str, Any]] = {
    CLIENT: {"groups": (X25519_NUMBER, SECP256R1, FFDHE2048_NUMBER)},
    SERVER: {"groups": (SECP256R1, FFDHE2048_NUMBER)},
}
"""The server asks for P-256, and supports another group of the client, too."""


def preceded_by(other: Message) -> Edit:
    return lambda peer, message: [other, message]


def instead(other: Message) -> Edit:
    return lambda peer, message: [other]


def in_the_clear_before(message: Message) -> Edit:
    """An unprotected record although the keys are in use."""

    def edit(peer: Machine, original: Message) -> Iterable[Message | bytes]:
        peer.put(None, in_the_clear(message))
        return [original]

    return edit


def entries_with(number: int, data: bytes) -> Edit:
    """An extension in the first certificate entry."""

    def edit(peer: Machine, message: Certificate) -> Iterable[Message | bytes]:
        first, *others = message.certificate_list
        return [replace(message, certificate_list=(with_extension(first, number, data), *others))]

    return edit


def signed_as(side: Side) -> Edit:
    """A good signature with the context string of that side."""

    def edit(peer: Machine, message: CertificateVerify) -> Iterable[Message | bytes]:
        assert peer.party.credential
        content = signatures.signed_content(side, peer.transcript_hash())
        return [replace(message, signature=signatures.sign(peer.party.credential.key, ECDSA_P256, content))]

    return edit


def signed_by(key: Callable[[], Any]) -> Edit:
    def edit(peer: Machine, message: CertificateVerify) -> Iterable[Message | bytes]:
        content = signatures.signed_content(peer.side, peer.transcript_hash())
        return [replace(message, signature=signatures.sign(key(), ECDSA_P256, content))]

    return edit


def signed_without_the_last_message(peer: Machine, message: CertificateVerify) -> Iterable[Message | bytes]:
    assert peer.party.credential
    assert peer.suite
    content = signatures.signed_content(peer.side, hashlib.new(peer.suite.hash, peer.transcript[:-1]).digest())
    return [replace(message, signature=signatures.sign(peer.party.credential.key, ECDSA_P256, content))]


def finished_of_the_other_side(peer: Machine, message: Finished) -> Iterable[Message | bytes]:
    assert peer.suite
    key = peer.handshake_traffic_secrets[peer.side.other]
    return [Finished(key_schedule13.verify_data(peer.suite.hash, key, peer.transcript_hash()))]


def message_and_more(message: Message) -> Callable[[Machine], bytes]:
    """A record with that message and the beginning of another one."""
    return lambda sender: sealed(sender, HANDSHAKE, encode_message(message) + b"\x18")


def updates_between_empty_records(sender: Machine) -> bytes:
    for _ in range(33):
        sender.say(KeyUpdate(0))
        sender.update_key(sender.side)
        sender.put(None, sealed(sender, APPLICATION_DATA, b""))
    return sender.outgoing()


def many(count: int, content_type: int, content: bytes) -> Callable[[Machine], bytes]:
    return lambda sender: b"".join(sealed(sender, content_type, content) for _ in range(count))


def a_group(number: int) -> Mapping[str, Any]:
    return {"groups": (number,)}


def client_share(number: int, key_exchange: bytes) -> Provocation:
    return client_hello(extended(e.KEY_SHARE, shares((number, key_exchange))), **a_group(number))


def server_share(number: int, key_exchange: bytes) -> Provocation:
    return server_hello(extended(e.KEY_SHARE, share(number, key_exchange)), **a_group(number))


def points(number: int, wrong: Mapping[str, bytes], to: Callable[[int, bytes], Provocation]) -> list[Further]:
    return [(f"0x{number:04x}: {name}", Violation.BAD_SHARE, to(number, key)) for name, key in wrong.items()]


def with_a_byte_more(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
    """Bytes after the extensions, inside the message."""
    return [encode(Handshake(1, encode(message) + b"\0"))]


def the_first_again(peer: Machine, message: ClientHello) -> Iterable[Message | bytes]:
    """The second ClientHello has no cookie."""
    return [with_extension(message, e.COOKIE, None)]


def nothing(peer: Machine, message: Message) -> Iterable[Message | bytes]:
    return []


def a_retry(peer: Machine) -> HelloRetryRequest:
    version = Extension(e.SUPPORTED_VERSIONS, encode(e.SelectedVersion(0x0304)))
    cookie = Extension(e.COOKIE, encode(e.Cookie(b"1")))
    return HelloRetryRequest(0x0303, HELLO_RETRY_REQUEST_RANDOM, peer.session_id, 0x1301, 0, (version, cookie))


def the_attackers_key() -> Any:
    return the_world().mint.attacker_key()


def says(message: Message) -> Callable[[Machine], bytes]:
    return record(HANDSHAKE, encode_message(message))


SOME_SCHEMES = (Extension(e.SIGNATURE_ALGORITHMS, encode(e.SignatureSchemeList((ECDSA_P256,)))),)


def ticket_with(*found: Extension) -> NewSessionTicket:
    return NewSessionTicket(1, 1, b"", b"1", found)


SMALL_ORDER = {
    "zero": bytes(32),
    "one": bytes([1]) + bytes(31),
    "order 8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "p - 1": bytes.fromhex("ec" + "ff" * 30 + "7f"),
    "p": bytes.fromhex("ed" + "ff" * 30 + "7f"),
}
"""Points of X25519 that make the shared secret zero (RFC 7748 §6.1, RFC 8446 §7.4.2)."""
X25519_POINTS = {**SMALL_ORDER, "31 bytes": bytes([9]) + bytes(30), "33 bytes": bytes([9]) + bytes(32)}
GENERATOR = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)  # of P-256 (SP 800-186 §3.2.1.3)
P256_POINTS = {
    "not on the curve": GENERATOR[:-1] + b"\xf4",
    "compressed": b"\x03" + GENERATOR[1:33],
    "hybrid form": b"\x07" + GENERATOR[1:],
    "infinity": b"\0",
    "zeros": b"\x04" + bytes(64),
    "x is not below p": b"\x04" + b"\xff" * 32 + GENERATOR[33:],
    "one byte too many": GENERATOR + b"\0",
}
FFDHE_VALUES = {
    name: number.to_bytes(256)
    for name, number in {"0": 0, "1": 1, "p - 1": FFDHE2048 - 1, "p": FFDHE2048, "p + 2": FFDHE2048 + 2}.items()
} | {"255 bytes": b"\x02" * 255, "not padded": b"\x02"}
ENCAPSULATION_KEYS = {
    "coefficients above q": b"\xff" * 1184 + A_POINT,
    "x25519 part zero": bytes(1184 + 32),
    "too short": bytes(1184) + A_POINT[1:],
}
CIPHERTEXTS = {"x25519 part zero": bytes(1088 + 32), "too short": bytes(1088 + 31), "as a client's": bytes(1184 + 32)}

FURTHER: Sequence[Further] = (
    # Records
    ("handshake record empty, protected", T.EMPTY_RECORD, later(SERVER, record(HANDSHAKE, b""))),
    ("alert record empty, protected", T.EMPTY_RECORD, later(SERVER, record(ALERT, b""))),
    ("alert of three bytes", T.BAD_ALERT, later(CLIENT, record(ALERT, b"\2\x28\0"))),
    ("handshake in the clear", T.UNPROTECTED_RECORD, sends(SERVER, Finished, in_the_clear_before(KeyUpdate(0)))),
    ("Finished in the clear", T.UNPROTECTED_RECORD, sends(CLIENT, Finished, in_the_clear_before(Finished(b"")))),
    (
        "alert in the clear",
        T.UNPROTECTED_RECORD,
        later(SERVER, lambda sender: bytes.fromhex("15 0303 0002 01 00")),
    ),
    ("more after KeyUpdate", T.KEY_CHANGE_IN_RECORD, later(SERVER, message_and_more(KeyUpdate(0)))),
    ("more after the client's Finished", T.KEY_CHANGE_IN_RECORD, sends(CLIENT, Finished, followed_by_more)),
    ("more after the server's Finished", T.KEY_CHANGE_IN_RECORD, sends(SERVER, Finished, followed_by_more)),
    ("more after ClientHello", T.KEY_CHANGE_IN_RECORD, sends(CLIENT, ClientHello, followed_by_more)),
    (
        "data inside a message",
        T.INTERLEAVED,
        later(CLIENT, lambda sender: sealed(sender, HANDSHAKE, b"\x18\0") + sealed(sender, APPLICATION_DATA, b"x")),
    ),
    (
        "change_cipher_spec inside a message",
        T.INTERLEAVED,
        answers_with(bytes.fromhex("16 0303 0001 02 14 0303 0001 01")),
    ),
    ("data of the client before Finished", T.DATA_BEFORE_FINISHED, sends(CLIENT, Certificate, data_before)),
    ("change_cipher_spec empty", T.BAD_CHANGE_CIPHER_SPEC, answers_with(bytes.fromhex("14 0303 0000"))),
    ("change_cipher_spec of two bytes", T.BAD_CHANGE_CIPHER_SPEC, answers_with(bytes.fromhex("14 0303 0002 01 01"))),
    (
        "change_cipher_spec after the handshake",
        T.MISPLACED_CHANGE_CIPHER_SPEC,
        later(CLIENT, lambda sender: bytes.fromhex("14 0303 0001 01")),
    ),
    ("empty data", T.TOO_MANY_RECORDS, later(SERVER, many(33, APPLICATION_DATA, b""))),
    ("user_canceled", T.TOO_MANY_RECORDS, later(SERVER, many(33, ALERT, b"\1\x5a"))),
    ("major version", T.NOT_TLS, answers_with(bytes.fromhex("16 0403 0000"))),
    ("content type 24 in the clear", T.NOT_TLS, answers_with(bytes.fromhex("18 0303 0001 01"))),
    ("a record without a tag", Violation.BAD_RECORD, later(SERVER, lambda sender: bytes.fromhex("17 0303 0000"))),
    # Messages that are not expected here; test_states has all of them
    ("KeyUpdate of the server", Violation.UNEXPECTED_MESSAGE, sends(SERVER, Finished, preceded_by(KeyUpdate(0)))),
    ("KeyUpdate of the client", Violation.UNEXPECTED_MESSAGE, sends(CLIENT, Finished, preceded_by(KeyUpdate(0)))),
    ("KeyUpdate longer", T.UNDECODABLE, later(SERVER, record(HANDSHAKE, b"\x18\0\0\2\0\0"))),
    # Alerts
    ("level 1", Violation.ALERT, later(SERVER, record(ALERT, b"\1\x28"))),
    ("unknown alert", Violation.ALERT, later(CLIENT, record(ALERT, b"\2\xff"))),
    ("close_notify in the handshake", Violation.TRUNCATED, answers_with(bytes.fromhex("15 0303 0002 01 00"))),
    # ClientHello
    (
        "legacy_version 0x0304 without supported_versions",
        T.OLD_VERSION,
        client_hello(both(extended(e.SUPPORTED_VERSIONS, None), changed(legacy_version=0x0304))),
    ),
    ("TLS 1.2 in supported_versions", T.OLD_VERSION, client_hello(extended(e.SUPPORTED_VERSIONS, b"\2\3\3"))),
    ("SSL 2.0", T.SSL3, client_hello(changed(legacy_version=0x0002))),
    ("compression with null", T.COMPRESSION_OFFERED, client_hello(changed(legacy_compression_methods=b"\0\1"))),
    ("null compression twice", T.COMPRESSION_OFFERED, client_hello(changed(legacy_compression_methods=b"\0\0"))),
    ("supported_versions empty", T.UNDECODABLE_EXTENSION, client_hello(extended(e.SUPPORTED_VERSIONS, b"\0"))),
    ("server_name empty", T.UNDECODABLE_EXTENSION, client_hello(extended(e.SERVER_NAME, b"\0\0"))),
    ("key_share of a server", T.UNDECODABLE_EXTENSION, client_hello(extended(e.KEY_SHARE, b"\0\x1d\0\x20" + A_POINT))),
    ("bytes after the extensions", T.UNDECODABLE, client_hello(with_a_byte_more)),
    ("rsa_pkcs1 alone", T.NO_COMMON_SCHEME, sends(CLIENT, ClientHello, schemes(0x0401))),
    # The second ClientHello
    ("other suites", T.SECOND_HELLO_CHANGED, second_hello(changed(cipher_suites=(0x1303, 0x1302, 0x1301)))),
    ("other session id", T.SECOND_HELLO_CHANGED, second_hello(changed(legacy_session_id=b""))),
    ("an extension more", T.SECOND_HELLO_CHANGED, second_hello(extended(0x1234, b""))),
    ("early_data", T.SECOND_HELLO_CHANGED, second_hello(extended(e.EARLY_DATA, b""))),
    ("an extension less", T.SECOND_HELLO_CHANGED, second_hello(extended(e.SERVER_NAME, None))),
    ("no cookie", T.COOKIE_NOT_REPEATED, sends(CLIENT, ClientHello, the_first_again, protected=False, options=RETRY)),
    (
        "share of another group",
        T.SECOND_HELLO_SHARE,
        second_hello(extended(e.KEY_SHARE, shares((FFDHE2048_NUMBER, b"\x02" * 256))), THREE),
    ),
    (
        "two shares",
        T.SECOND_HELLO_SHARE,
        second_hello(extended(e.KEY_SHARE, shares((SECP256R1, GENERATOR), (X25519_NUMBER, A_POINT)))),
    ),
    # ServerHello and HelloRetryRequest
    ("ALPN in ServerHello", T.MISPLACED_EXTENSION, server_hello(protocols("h2"), **ALPN)),
    ("server_name in ServerHello", T.MISPLACED_EXTENSION, server_hello(extended(e.SERVER_NAME, b""))),
    (
        "supported_groups in ServerHello",
        T.MISPLACED_EXTENSION,
        server_hello(extended(e.SUPPORTED_GROUPS, b"\0\2\0\x1d")),
    ),
    ("pre_shared_key", T.UNSOLICITED_EXTENSION, server_hello(extended(e.PRE_SHARED_KEY, b"\0\0"))),
    ("cookie in ServerHello", T.UNSOLICITED_EXTENSION, server_hello(extended(e.COOKIE, e.Cookie(b"1")))),
    ("key_share of a client", T.UNDECODABLE_EXTENSION, server_hello(extended(e.KEY_SHARE, shares((0x1D, A_POINT))))),
    ("key_share of a retry", T.UNDECODABLE_EXTENSION, server_hello(extended(e.KEY_SHARE, b"\0\x1d"))),
    (
        "supported_versions of a client",
        T.UNDECODABLE_EXTENSION,
        server_hello(extended(e.SUPPORTED_VERSIONS, b"\2\3\4")),
    ),
    ("draft version", T.OTHER_VERSION, server_hello(extended(e.SUPPORTED_VERSIONS, e.SelectedVersion(0x7F1C)))),
    (
        "downgrade to TLS 1.1",
        T.DOWNGRADE_SENTINEL,
        server_hello(both(extended(e.SUPPORTED_VERSIONS, None), changed(random=bytes(24) + b"DOWNGRD\0"))),
    ),
    ("unknown extension in a retry", T.UNSOLICITED_EXTENSION, retry(extended(0x1234, b""))),
    ("server_name in a retry", T.MISPLACED_EXTENSION, retry(extended(e.SERVER_NAME, b""))),
    (
        "key_share of a ServerHello in a retry",
        T.UNDECODABLE_EXTENSION,
        retry(extended(e.KEY_SHARE, share(0x17, GENERATOR))),
    ),
    ("retry in TLS 1.2", T.SERVER_CHOSE_OLD_VERSION, retry(extended(e.SUPPORTED_VERSIONS, None))),
    ("retry with a suite that was not offered", T.SUITE_NOT_OFFERED, retry(changed(cipher_suite=0x1304))),
    ("retry that does not echo the session id", T.SESSION_ID_NOT_ECHOED, retry(changed(legacy_session_id_echo=b"1"))),
    (
        "retry after ServerHello",
        Violation.UNEXPECTED_MESSAGE,
        sends(SERVER, EncryptedExtensions, lambda peer, message: [a_retry(peer), message]),
    ),
    # What follows
    (
        "key_share in EncryptedExtensions",
        T.MISPLACED_EXTENSION,
        sends(SERVER, EncryptedExtensions, extended(e.KEY_SHARE, b"")),
    ),
    (
        "signature_algorithms in EncryptedExtensions",
        T.MISPLACED_EXTENSION,
        sends(SERVER, EncryptedExtensions, schemes(ECDSA_P256)),
    ),
    ("early_data", T.UNSOLICITED_EXTENSION, sends(SERVER, EncryptedExtensions, extended(e.EARLY_DATA, b""))),
    ("ALPN was not offered", T.UNSOLICITED_EXTENSION, sends(SERVER, EncryptedExtensions, protocols("h2"))),
    (
        "server_name with a name",
        T.UNDECODABLE_EXTENSION,
        sends(SERVER, EncryptedExtensions, extended(e.SERVER_NAME, TWO_NAMES)),
    ),
    ("an extension twice", T.DUPLICATE_EXTENSION, sends(SERVER, EncryptedExtensions, with_extension_twice)),
    (
        "key_share in CertificateRequest",
        T.MISPLACED_EXTENSION,
        sends(SERVER, CertificateRequest, extended(e.KEY_SHARE, b"")),
    ),
    ("a request twice", Violation.UNEXPECTED_MESSAGE, sends(SERVER, CertificateRequest, twice)),
    (
        "OCSP response",
        T.UNSOLICITED_EXTENSION,
        sends(SERVER, Certificate, entries_with(e.STATUS_REQUEST, b"\1\0\0\1\0")),
    ),
    (
        "unknown extension in Certificate",
        T.UNSOLICITED_EXTENSION,
        sends(CLIENT, Certificate, entries_with(0x1234, b"")),
    ),
    (
        "context of the server",
        T.CERTIFICATE_CONTEXT,
        sends(SERVER, Certificate, changed(certificate_request_context=b"1")),
    ),
    ("no CertificateVerify of the server", Violation.UNEXPECTED_MESSAGE, sends(SERVER, CertificateVerify, nothing)),
    ("no CertificateVerify of the client", Violation.UNEXPECTED_MESSAGE, sends(CLIENT, CertificateVerify, nothing)),
    ("no Certificate of the client", Violation.UNEXPECTED_MESSAGE, sends(CLIENT, Certificate, nothing)),
    ("signature of the client's side", Violation.BAD_SIGNATURE, sends(SERVER, CertificateVerify, signed_as(CLIENT))),
    ("signature of the server's side", Violation.BAD_SIGNATURE, sends(CLIENT, CertificateVerify, signed_as(SERVER))),
    ("another key", Violation.BAD_SIGNATURE, sends(SERVER, CertificateVerify, signed_by(the_attackers_key))),
    ("another transcript", Violation.BAD_SIGNATURE, sends(SERVER, CertificateVerify, signed_without_the_last_message)),
    ("empty signature", Violation.BAD_SIGNATURE, sends(SERVER, CertificateVerify, changed(signature=b""))),
    ("P-384 scheme", T.SCHEME_OF_OTHER_KEY, sends(CLIENT, CertificateVerify, changed(algorithm=ECDSA_P384))),
    ("SHA-1", T.SCHEME_NOT_OFFERED, sends(CLIENT, CertificateVerify, changed(algorithm=0x0203))),
    ("Finished of the other side", Violation.BAD_FINISHED, sends(SERVER, Finished, finished_of_the_other_side)),
    ("Finished reflected", Violation.BAD_FINISHED, sends(CLIENT, Finished, finished_of_the_other_side)),
    ("Finished longer", T.FINISHED_LENGTH, sends(CLIENT, Finished, changed(verify_data=bytes(33)))),
    ("rogue client", Violation.UNTRUSTED, presents(minted(kinds.SELF_SIGNED_CLIENT), CLIENT)),
    ("copied client certificate", Violation.BAD_SIGNATURE, presents(minted(kinds.COPIED_CLIENT), CLIENT)),
    ("copied server certificate", Violation.BAD_SIGNATURE, presents(minted(kinds.COPIED))),
    ("server certificate of a client", Violation.WRONG_PURPOSE, presents(lambda: party(SERVER).credential, CLIENT)),
    ("certificate of another host", Violation.WRONG_NAME, presents(minted(kinds.OTHER_HOST))),
    ("expired certificate", Violation.OUT_OF_DATE, presents(minted(kinds.EXPIRED))),
    ("no CRL", Violation.REVOKED, judged_by(lambda own: replace(own, crls=()))),
    # After the handshake
    ("ticket of a client", Violation.UNEXPECTED_MESSAGE, later(SERVER, says(NewSessionTicket(1, 1, b"", b"1")))),
    ("CertificateRequest", Violation.UNEXPECTED_MESSAGE, later(CLIENT, says(CertificateRequest(b"1", SOME_SCHEMES)))),
    ("ticket with key_share", T.MISPLACED_EXTENSION, later(CLIENT, says(ticket_with(Extension(e.KEY_SHARE, b""))))),
    ("ticket with one twice", T.DUPLICATE_EXTENSION, later(CLIENT, says(ticket_with(*2 * [Extension(0x1234, b"")])))),
    ("KeyUpdates between empty data", T.TOO_MANY_KEY_UPDATES, later(SERVER, updates_between_empty_records)),
    # Public values of the key exchange (§4.2.8.1, §4.2.8.2, §7.4.2)
    *points(X25519_NUMBER, X25519_POINTS, client_share),
    *points(X25519_NUMBER, X25519_POINTS, server_share),
    *points(SECP256R1, P256_POINTS, client_share),
    *points(SECP256R1, P256_POINTS, server_share),
    *points(FFDHE2048_NUMBER, FFDHE_VALUES, client_share),
    *points(FFDHE2048_NUMBER, FFDHE_VALUES, server_share),
    *points(X25519MLKEM768, ENCAPSULATION_KEYS, client_share),
    *points(X25519MLKEM768, CIPHERTEXTS, server_share),
)


@pytest.mark.parametrize(
    ("violation", "provocation"), [each[1:] for each in FURTHER], ids=[f"{each[1].name}: {each[0]}" for each in FURTHER]
)
def test_other_ways_to_violate_a_must_are_found_too(violation: AnyViolation, provocation: Provocation) -> None:
    assert_provoked(violation, provocation)
