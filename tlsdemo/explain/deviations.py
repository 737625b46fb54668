"""Where the bytes of a conversation deviate from TLS: in the hellos, in later messages, in their order, in records.

    message --> CHECKS of its type --> Deviation: the record, the message, a sentence with both values, the section
    record  --> what its length, content and protection must be

Each check reads the bytes, and what it needs of the messages before them. The wording is that of the violations which
our own TLS 1.3 detects (`tls13.violations`). Of TLS 1.2, the hellos, the signatures, Finished and the records are
checked. What was not decrypted is not checked. Not here: certificates (`judgement`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tlsdemo import peer
from tlsdemo.explain import proofs
from tlsdemo.tls13 import signatures
from tlsdemo.tls13.key_agreement import FFDHE2048_NUMBER, GROUPS, X25519_NUMBER
from tlsdemo.tls13.offers import DEFINED, DOWNGRADES, KNOWN
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import AnyViolation, ProtocolError, Violation
from tlsdemo.wire import extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import TLS12, TLS13, DissectedMessage, DissectedRecord, Dissection
from tlsdemo.wire.fields import WireError
from tlsdemo.wire.handshake import ServerHello
from tlsdemo.wire.messages12 import FinishedTls12, ServerKeyExchangeDhe, ServerKeyExchangeEcdhe
from tlsdemo.wire.messages13 import (
    Certificate,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
    HelloRetryRequest,
    NewSessionTicket,
)
from tlsdemo.wire.protection13 import MAX_CIPHERTEXT, SUITES
from tlsdemo.wire.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CONTENT_TYPES,
    HANDSHAKE,
    HEADER,
    MAX_PLAINTEXT,
    Sender,
)
from tlsdemo.wire.registry import (
    CIPHER_SUITES,
    EXTENSION_TYPES,
    NAMED_GROUPS,
    SIGNATURE_SCHEMES,
    VERSIONS,
    name,
)

RENEGOTIATION_SCSV = 0x00FF
"""A cipher suite that stands for an empty renegotiation_info (RFC 5746 §3.3)."""


@dataclass(frozen=True)
class Deviation:
    """One deviation of a message or of a record."""

    sender: Sender
    record: int
    """The number of the record, from 0, in which the message ends."""
    what: str
    """`ServerHello`, or `record 3`: its place in the conversation, from 1, records of both sides counted."""
    rule: "Rule"

    def __str__(self) -> str:
        rfc = "" if self.rule.section.startswith("RFC") else "RFC 8446 "
        return f"{self.what} of the {self.sender} deviates from {rfc}{self.rule.section}: {self.rule.sentence}"


@dataclass(frozen=True)
class Rule:
    """What a deviation violates, and how."""

    sentence: str
    section: str
    alert: str
    """The alert by which a strict peer answers (§6.2)."""


Found = Iterator[Rule]


def found_in(found: Dissection, checks: proofs.Checks) -> Iterator[Deviation]:
    """All deviations that the bytes show, in the order of the wire. Never raises, for any bytes."""
    deviations = [*_of_records(found), *_of_order(found)]
    seen = _Seen(found, checks)
    for number, message in enumerate(found.messages):
        seen.number = number
        if message.structure and message.problem:
            rule = _told(TlsViolation.UNDECODABLE, message.problem)
            deviations.append(Deviation(message.sender, message.records[-1], _called(message), rule))
        for check in CHECKS.get(type(message.value), ()):
            deviations += (
                Deviation(message.sender, message.records[-1], _called(message), rule)
                for rule in check(seen, message.value)
            )
        seen.pass_by(message)
    yield from sorted(deviations, key=lambda each: each.record)


def _told(violation: AnyViolation, detail: str = "") -> Rule:
    """In the words of the violation."""
    return _other_words(violation, f"{violation.sentence}{': ' if detail else ''}{detail}")


def _other_words(violation: AnyViolation, sentence: str, section: str = "") -> Rule:
    return Rule(sentence, section or violation.section, violation.alert)


def _called(message: DissectedMessage) -> str:
    kind = type(message.value)
    return "HelloRetryRequest" if kind is HelloRetryRequest else message.header.name


class _Seen:
    """The messages before one message."""

    def __init__(self, found: Dissection, checks: proofs.Checks) -> None:
        self.found, self.checks = found, checks
        self.number = 0
        self.hello: ClientHello | None = None
        """The last ClientHello."""
        self.retry: HelloRetryRequest | None = None
        self.request: CertificateRequest | None = None

    def pass_by(self, message: DissectedMessage) -> None:
        """Remember a message."""
        match message.value:
            case ClientHello() as hello:
                self.hello = hello
            case HelloRetryRequest() as retry:
                self.retry = self.retry or retry
            case CertificateRequest() as request:
                self.request = request

    @property
    def sender(self) -> Sender:
        return self.found.messages[self.number].sender

    @property
    def is_tls13(self) -> bool:
        return self.found.version == TLS13

    def offered(self, number: int) -> Any:
        """The content of an extension of ClientHello; None if it is absent or malformed."""
        return None if self.hello is None else _content(self.hello, ClientHello, number)


def _content(message: Any, kind: type, number: int) -> Any:
    data = message.extension(number)
    try:
        return None if data is None else extensions.decode_extension(kind, number, data)
    except WireError:
        return None


def _names(table: Mapping[int, str], numbers: Iterable[int]) -> str:
    shown = [name(table, number) for number in numbers]
    return ", ".join(shown[:MOST]) + (f" and {len(shown) - MOST} more" if len(shown) > MOST else "") or "nothing"


def _short(data: bytes) -> str:
    return f"{data[:8].hex()}{'...' if len(data) > 8 else ''} ({len(data)} bytes)" if data else "nothing"


MOST = 6  # values of a list that are shown


def offer(hello: ClientHello) -> str:
    """What a ClientHello offers, each list shortened."""
    versions, groups, schemes = (
        _content(hello, ClientHello, number)
        for number in (extensions.SUPPORTED_VERSIONS, extensions.SUPPORTED_GROUPS, extensions.SIGNATURE_ALGORITHMS)
    )
    parts = [
        "versions " + _names(VERSIONS, versions.versions if versions else (hello.legacy_version,)),
        "cipher suites " + _names(CIPHER_SUITES, hello.cipher_suites),
    ]
    if groups:
        parts.append("groups " + _names(NAMED_GROUPS, groups.named_group_list))
    if schemes:
        parts.append("signature schemes " + _names(SIGNATURE_SCHEMES, schemes.supported_signature_algorithms))
    return "; ".join(parts)


# ServerHello and HelloRetryRequest: what the server selects ---------------------------------------------------------


def _version(seen: _Seen, message: ServerHello) -> Found:
    offer = seen.offered(extensions.SUPPORTED_VERSIONS)
    offered = offer.versions if offer else ()
    selected = _content(message, ServerHello, extensions.SUPPORTED_VERSIONS)
    version = selected.selected_version if selected else message.legacy_version
    newest = seen.hello.legacy_version if seen.hello else TLS12
    if version not in offered if offered else version > newest:
        wanted = _names(VERSIONS, offered or (newest,))
        yield _told(TlsViolation.OTHER_VERSION, f"{name(VERSIONS, version)}; the client offers {wanted}")
    if selected and message.legacy_version != TLS12:
        yield _told(TlsViolation.LEGACY_VERSION, f"0x{message.legacy_version:04x}")
    if not selected and TLS13 in offered and message.random[-8:] in DOWNGRADES:
        marker = message.random[-8:].hex()
        yield _other_words(
            TlsViolation.DOWNGRADE_SENTINEL,
            f"its random value ends with {marker}, by which a server says that ClientHello offered "
            f"{name(VERSIONS, version)} at most; this ClientHello offers TLS 1.3",
        )


def _session_id(seen: _Seen, message: ServerHello) -> Found:
    if not _is_tls13(message) or seen.hello is None:
        return  # in TLS 1.2 the server names its own session
    echo, sent = message.legacy_session_id_echo, seen.hello.legacy_session_id
    if echo != sent:
        yield _told(TlsViolation.SESSION_ID_NOT_ECHOED, f"{_short(echo)} instead of {_short(sent)}")


def _is_tls13(message: ServerHello) -> bool:
    return message.has(extensions.SUPPORTED_VERSIONS)


def _suite(seen: _Seen, message: ServerHello) -> Found:
    selected = message.cipher_suite
    if seen.hello and selected not in seen.hello.cipher_suites:
        offered = _names(CIPHER_SUITES, seen.hello.cipher_suites)
        yield _told(TlsViolation.SUITE_NOT_OFFERED, f"{name(CIPHER_SUITES, selected)}; the client offers {offered}")
    if seen.retry and selected != seen.retry.cipher_suite:
        first = name(CIPHER_SUITES, seen.retry.cipher_suite)
        yield _told(TlsViolation.SUITE_CHANGED, f"{name(CIPHER_SUITES, selected)} instead of {first}")


def _compression(seen: _Seen, message: ServerHello) -> Found:
    method = message.legacy_compression_method
    offered = seen.hello.legacy_compression_methods if seen.hello else b""
    if method and (_is_tls13(message) or method not in offered):
        yield _told(
            TlsViolation.COMPRESSION_CHOSEN, f"method {method}; the client offers {', '.join(map(str, offered))}"
        )


def _share(seen: _Seen, message: ServerHello) -> Found:
    if not _is_tls13(message):
        return
    found = _content(message, ServerHello, extensions.KEY_SHARE)
    if found is None:
        if not message.has(extensions.KEY_SHARE) and not message.has(extensions.PRE_SHARED_KEY):
            yield _told(TlsViolation.MISSING_SERVER_SHARE)
        return
    share, offer = found.server_share, seen.offered(extensions.KEY_SHARE)
    groups = [each.group for each in offer.client_shares] if offer else []
    group = name(NAMED_GROUPS, share.group)
    if share.group not in groups:
        violation = TlsViolation.GROUP_CHANGED if seen.retry else TlsViolation.SHARE_NOT_OFFERED
        yield _told(violation, f"{group}; the client sent key shares of {_names(NAMED_GROUPS, groups)}")
    elif share.group in GROUPS:
        try:
            GROUPS[share.group].shared(_any_secret(share.group), share.key_exchange)
        except ProtocolError as error:
            why = f": {error.detail}" if error.detail else ""
            sentence = f"the key share is not valid in the group {group}{why}"
            yield _other_words(Violation.BAD_SHARE, sentence, _share_section(share))


def _share_section(share: extensions.KeyShareEntry) -> str:
    """Where the form of a key share is defined, or what it must give."""
    if share.group == FFDHE2048_NUMBER:
        return "§4.2.8.1"
    is_whole = len(share.key_exchange) == GROUPS[share.group].server_share
    return "§7.4.2" if is_whole and share.group == X25519_NUMBER else "§4.2.8.2"


def _any_secret(group: int) -> int:
    """A secret of that group, always the same: whether a key share is valid does not depend on it."""
    return GROUPS[group].group.draw(lambda size: bytes([1]) * size)


def _retry(seen: _Seen, message: HelloRetryRequest) -> Found:
    if seen.retry:
        yield _told(TlsViolation.SECOND_RETRY)
        return
    found = _content(message, HelloRetryRequest, extensions.KEY_SHARE)
    if found is None:
        if not message.has(extensions.COOKIE):
            yield _told(TlsViolation.RETRY_CHANGES_NOTHING)
        return
    supported, offer = seen.offered(extensions.SUPPORTED_GROUPS), seen.offered(extensions.KEY_SHARE)
    group = name(NAMED_GROUPS, found.selected_group)
    groups = supported.named_group_list if supported else ()
    if found.selected_group not in groups:
        yield _told(
            TlsViolation.RETRY_GROUP_NOT_OFFERED, f"{group}; the client supports {_names(NAMED_GROUPS, groups)}"
        )
    if offer and found.selected_group in [each.group for each in offer.client_shares]:
        yield _told(TlsViolation.RETRY_GROUP_ALREADY_SENT, group)


# Extensions ---------------------------------------------------------------------------------------------------------


def _extension(number: int) -> str:
    return f"{name(EXTENSION_TYPES, number)} ({number})"


def _form(seen: _Seen, message: Any) -> Found:
    """Extensions that are repeated, misplaced or malformed (§4.2)."""
    kind, numbers = type(message), [each.extension_type for each in message.extensions or ()]
    for number, times in Counter(numbers).items():
        if times > 1:
            yield _told(TlsViolation.DUPLICATE_EXTENSION, f"{_extension(number)}, {times} times")
    is_old = kind is ServerHello and not _is_tls13(message)
    for each in message.extensions or ():
        number = each.extension_type
        if not is_old and number in KNOWN and number not in DEFINED.get(kind, ()):
            yield _told(TlsViolation.MISPLACED_EXTENSION, _extension(number))
            continue
        if kind is EncryptedExtensions and number == extensions.SERVER_NAME and each.extension_data:
            sentence = f"server_name has {len(each.extension_data)} bytes; a server's is empty"
            yield _other_words(TlsViolation.UNDECODABLE_EXTENSION, sentence, "RFC 6066 §3")
            continue
        try:
            extensions.decode_extension(kind, number, each.extension_data)
        except WireError as error:
            yield _told(TlsViolation.UNDECODABLE_EXTENSION, f"{_extension(number)}: {error}")


def _answers(seen: _Seen, message: Any) -> Found:
    """Extensions that the client did not ask for (§4.2)."""
    if seen.hello is None:
        return
    asked_for = {each.extension_type for each in seen.hello.extensions or ()}
    if RENEGOTIATION_SCSV in seen.hello.cipher_suites:
        asked_for.add(extensions.RENEGOTIATION_INFO)
    if isinstance(message, HelloRetryRequest):
        asked_for.add(extensions.COOKIE)  # the one that needs no request (§4.2)
    for number in dict.fromkeys(each.extension_type for each in message.extensions or ()):
        if number not in asked_for:
            sentence = f"it has {_extension(number)}, which the client did not offer"
            yield _other_words(TlsViolation.UNSOLICITED_EXTENSION, sentence)


def _protocol(seen: _Seen, message: EncryptedExtensions) -> Found:
    selected, offer = _content(message, type(message), extensions.ALPN), seen.offered(extensions.ALPN)
    if selected is None or offer is None:
        return
    chosen, offered = ([each.name for each in one.protocol_name_list] for one in (selected, offer))
    if len(chosen) > 1:
        yield _told(TlsViolation.SEVERAL_PROTOCOLS, _texts(chosen))
    if wrong := [each for each in chosen if each not in offered]:
        yield _told(TlsViolation.PROTOCOL_NOT_OFFERED, f"{_texts(wrong)}; the client offers {_texts(offered)}")


def _texts(found: Iterable[bytes]) -> str:
    return peer.listed([each.decode("ascii", "backslashreplace") for each in found], MOST)


def _entries(seen: _Seen, message: Certificate) -> Found:
    """The extensions of the certificates of a server."""
    for entry in message.certificate_list:
        yield from _form(seen, entry)
        if seen.sender == "server":
            yield from _answers(seen, entry)


# ClientHello --------------------------------------------------------------------------------------------------------


def _required(seen: _Seen, message: ClientHello) -> Found:
    """What a ClientHello with TLS 1.3 must have (§9.2), and how its parts go together."""
    versions = _content(message, ClientHello, extensions.SUPPORTED_VERSIONS)
    if versions is None or TLS13 not in versions.versions:
        return
    has = {each.extension_type for each in message.extensions or ()}
    if extensions.PRE_SHARED_KEY in has:
        if message.extensions and message.extensions[-1].extension_type != extensions.PRE_SHARED_KEY:
            yield _told(TlsViolation.PSK_NOT_LAST)
        if extensions.PSK_KEY_EXCHANGE_MODES not in has:
            yield _told(TlsViolation.PSK_WITHOUT_MODES)
    else:
        for number, violation in NEEDED.items():
            if number not in has:
                yield _told(violation)
    groups, shares = (_content(message, ClientHello, number) for number in GROUPS_AND_SHARES)
    if groups and shares:
        sent = [each.group for each in shares.client_shares]
        if other := [each for each in sent if each not in groups.named_group_list]:
            yield _told(TlsViolation.SHARE_OF_OTHER_GROUP, _names(NAMED_GROUPS, other))
        if len(set(sent)) < len(sent):
            yield _told(TlsViolation.SHARE_TWICE, _names(NAMED_GROUPS, sent))


NEEDED = {
    extensions.SUPPORTED_GROUPS: TlsViolation.MISSING_GROUPS,
    extensions.KEY_SHARE: TlsViolation.MISSING_KEY_SHARE,
    extensions.SIGNATURE_ALGORITHMS: TlsViolation.MISSING_SCHEMES,
}
GROUPS_AND_SHARES = (extensions.SUPPORTED_GROUPS, extensions.KEY_SHARE)


# Certificate, CertificateVerify, Finished ---------------------------------------------------------------------------


def _certificate(seen: _Seen, message: Certificate) -> Found:
    if seen.sender == "server" and not message.certificate_list:
        yield _told(TlsViolation.EMPTY_CERTIFICATE)
    wanted = seen.request.certificate_request_context if seen.request and seen.sender == "client" else b""
    if message.certificate_request_context != wanted:
        shown = f"{_short(message.certificate_request_context)} instead of {_short(wanted)}"
        yield _told(TlsViolation.CERTIFICATE_CONTEXT, shown)


def _request(seen: _Seen, message: CertificateRequest) -> Found:
    if message.extension(SCHEMES) is None:
        yield _told(TlsViolation.MISSING_REQUEST_SCHEMES)


SCHEMES = extensions.SIGNATURE_ALGORITHMS
FORBIDDEN = ("rsa_pkcs1_", "_sha1", "_sha224")
"""Parts of the names of schemes that TLS 1.3 does not allow in CertificateVerify (§4.2.3, §4.4.3)."""


def _scheme(seen: _Seen, message: CertificateVerify) -> Found:
    if not seen.is_tls13:
        return
    scheme = name(SIGNATURE_SCHEMES, message.algorithm)
    source = seen.request if seen.sender == "client" else seen.hello
    found = None if source is None else _content(source, type(source), SCHEMES)
    offered: Collection[int] = found.supported_signature_algorithms if found else ()
    if any(each in scheme for each in FORBIDDEN):
        sentence = f"the scheme is {scheme}, which TLS 1.3 forbids in this message"
        yield _other_words(TlsViolation.SCHEME_NOT_OFFERED, sentence)
    elif found and message.algorithm not in offered:
        yield _told(TlsViolation.SCHEME_NOT_OFFERED, f"{scheme}; offered: {_names(SIGNATURE_SCHEMES, offered)}")
    certificate = proofs.certificate_of(seen.found, seen.number)
    known = signatures.SCHEMES.get(message.algorithm)
    key = None if certificate is None else peer.attempt(certificate.public_key)
    if known and key is not None and not isinstance(key, peer.Unreadable) and not known.fits(key):
        yield _told(TlsViolation.SCHEME_OF_OTHER_KEY, f"{scheme}, and the key is {_kind(key)}")


def _kind(key: Any) -> str:
    return f"for ECDSA on {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


def _proof(seen: _Seen, message: Any) -> Found:
    """A signature or a Finished that was computed again, and is not the sent one."""
    is_finished = isinstance(message, Finished | FinishedTls12)
    if isinstance(message, Finished) and (suite := SUITES.get(seen.found.cipher_suite or 0)):
        length = hashlib.new(suite.hash).digest_size
        if len(message.verify_data) != length:
            yield _told(TlsViolation.FINISHED_LENGTH, f"{len(message.verify_data)} bytes; {suite.hash} has {length}")
            return
    if not any(each.passed is False for each in seen.checks.get(seen.number, ())):
        return
    if is_finished:
        sentence = "verify_data differs from the MAC over the messages, computed here"
        yield _other_words(Violation.BAD_FINISHED, sentence, "" if seen.is_tls13 else "RFC 5246 §7.4.9")
        return
    whose = f" and the context string of a {seen.sender}" if seen.is_tls13 else ""
    valid_for = proofs.valid_for(seen.found, seen.number)
    why = f"; it is valid for {valid_for}" if valid_for else _form_of_signature(message)
    sentence = f"computed here, the signature is NOT valid for the key of certificate 1{whose}{why}"
    yield _other_words(Violation.BAD_SIGNATURE, sentence, "" if seen.is_tls13 else "RFC 5246 §7.4.3")


def _form_of_signature(message: Any) -> str:
    """What is wrong with the form of a signature (RFC 3279 §2.2.3); empty if nothing is seen."""
    if not message.signature:
        return "; it is empty"
    if not name(SIGNATURE_SCHEMES, message.algorithm).startswith("ecdsa_"):
        return ""
    try:
        numbers = decode_dss_signature(message.signature)
    except ValueError:
        return "; it is not the DER encoding of two numbers, which ECDSA needs"
    return f"; its numbers are {numbers[0]} and {numbers[1]}, and both must be positive" if 0 in numbers else ""


HELLO = (_form, _answers, _version, _session_id, _suite, _compression)
CHECKS: Mapping[type, tuple[Callable[[_Seen, Any], Found], ...]] = {
    ClientHello: (_form, _required),
    ServerHello: (*HELLO, _share),
    HelloRetryRequest: (*HELLO, _retry),
    EncryptedExtensions: (_form, _answers, _protocol),
    CertificateRequest: (_form, _request),
    Certificate: (_certificate, _entries),
    CertificateVerify: (_scheme, _proof),
    Finished: (_proof,),
    NewSessionTicket: (_form,),
    ServerKeyExchangeEcdhe: (_proof,),
    ServerKeyExchangeDhe: (_proof,),
    FinishedTls12: (_proof,),
}
"""The checks of each message; those without checks have few ways to be wrong."""


# Order --------------------------------------------------------------------------------------------------------------

AFTER: Mapping[str, tuple[str, ...]] = {
    "ServerHello": ("EncryptedExtensions",),
    "EncryptedExtensions": ("CertificateRequest", "Certificate"),
    "CertificateRequest": ("Certificate",),
    "Certificate": ("CertificateVerify",),
    "CertificateVerify": ("Finished",),
}
"""What a server of TLS 1.3 sends after each message, without a PSK (§2, §4)."""
RESUMED: Mapping[str, tuple[str, ...]] = {**AFTER, "EncryptedExtensions": ("Finished",)}
"""The same with a PSK: the server does not present a certificate (§2.2)."""
SECTIONS = {
    "EncryptedExtensions": "§4.3.1",
    "CertificateRequest": "§4.3.2",
    "Certificate": "§4.4.2",
    "CertificateVerify": "§4.4.3",
    "Finished": "§4.4.4",
}


def _flight(found: Dissection) -> Iterator[tuple[DissectedMessage, DissectedMessage | None, tuple[str, ...]]]:
    """Each message of the flight of a TLS 1.3 server, the one after it, and what may follow; nothing if unknown."""
    if found.version != TLS13:
        return
    sent = [each for each in found.messages if each.sender == "server"]
    start = next((place for place, each in enumerate(sent) if type(each.value) is ServerHello), len(sent))
    table = AFTER
    for place, each in enumerate(sent[start:], start=start):
        if each.header.name == "Finished":
            return
        if type(each.value) is ServerHello and each.value.has(extensions.PRE_SHARED_KEY):
            table = RESUMED
        following = sent[place + 1] if place + 1 < len(sent) else None
        yield each, following, table.get(each.header.name, ())


def _of_order(found: Dissection) -> Iterator[Deviation]:
    for message, following, allowed in _flight(found):
        if following is None or following.value is None or _is_hidden(found, message, following):
            continue
        kind = _called(following)
        if allowed and kind not in allowed:
            is_repeated = kind == _called(message)
            expected = f"it comes directly after {_called(message)}; {' or '.join(allowed)} must come there"
            rule = _other_words(
                Violation.UNEXPECTED_MESSAGE,
                "it is repeated" if is_repeated else expected,
                SECTIONS[kind if is_repeated else allowed[-1]],
            )
            yield Deviation("server", following.records[-1], kind, rule)


def _is_hidden(found: Dissection, message: DissectedMessage, following: DissectedMessage) -> bool:
    """Whether a record between two messages of the server was not decrypted."""
    between = found.records[message.records[-1] : following.records[0]]
    return any(each.content is None and each.sender == "server" for each in between)


def missing(found: Dissection) -> Iterator[str]:
    """A sentence if a TLS 1.3 server did not send all messages of its handshake; none if some were not decrypted."""
    last = next((message for message, following, _ in _flight(found) if following is None), None)
    if last is None or any(each.content is None for each in found.records[last.records[-1] :]):
        return
    yield (
        f"the handshake is not complete: the server sent no Finished; its last message is {_called(last)} "
        "(RFC 8446 §4.4.4)"
    )


# Records ------------------------------------------------------------------------------------------------------------

MAX_CIPHERTEXT_TLS12 = 2**14 + 2048  # bytes (RFC 5246 §6.2.3)


def _of_records(found: Dissection) -> Iterator[Deviation]:
    keyed: set[Sender] = set()
    for number, record in enumerate(found.records):
        for rule in _record(found, record, has_keys=record.sender in keyed):
            yield Deviation(record.sender, number, f"record {number + 1}", rule)
        if record.protection:
            keyed.add(record.sender)


def too_long(found: Dissection, sender: Sender) -> str:
    """A sentence if a side began a record that is too long, and did not end it; else empty."""
    rest = found.left_over.get(sender, b"")
    if len(rest) < HEADER or rest[0] not in CONTENT_TYPES or rest[1] != MAJOR_VERSION:
        return ""
    length = int.from_bytes(rest[3:HEADER], "big")
    limit, section = MAX_PLAINTEXT, "RFC 8446 §5.1"
    if found.version == TLS13 and rest[0] == APPLICATION_DATA:
        limit, section = MAX_CIPHERTEXT, "RFC 8446 §5.2"
    elif found.version != TLS13 and any(
        each.sender == sender and (each.protection or each.problem) for each in found.records
    ):
        limit, section = MAX_CIPHERTEXT_TLS12, "RFC 5246 §6.2.3"
    if length <= limit:
        return ""
    return f"the {sender} began a record of {length:,} bytes; {limit:,} are allowed ({section})"


MAJOR_VERSION = 3  # of every version of TLS (§5.1)


def _record(found: Dissection, record: DissectedRecord, *, has_keys: bool) -> Found:
    is_tls13, length, content = found.version == TLS13, len(record.raw) - HEADER, record.content
    kind = CONTENT_TYPES.get(record.content_type or 0, "")
    is_protected = record.protection is not None or record.problem is not None
    if is_protected and is_tls13 and length > MAX_CIPHERTEXT:
        yield _told(TlsViolation.CIPHERTEXT_OVERFLOW, f"{length:,} bytes")
    elif is_protected and not is_tls13 and length > MAX_CIPHERTEXT_TLS12:
        sentence = f"a protected record has {length:,} bytes; {MAX_CIPHERTEXT_TLS12:,} are allowed"
        yield _other_words(TlsViolation.CIPHERTEXT_OVERFLOW, sentence, "RFC 5246 §6.2.3")
    elif not is_protected and length > MAX_PLAINTEXT:
        yield _told(TlsViolation.RECORD_OVERFLOW, f"{length:,} bytes")
    elif record.problem and "without a content type" in record.problem:
        yield _told(TlsViolation.NO_CONTENT_TYPE)
    if content is None:
        return
    if record.protection is not None and len(content) > MAX_PLAINTEXT:
        section = "" if is_tls13 else "RFC 5246 §6.2.1"
        violation = TlsViolation.PLAINTEXT_OVERFLOW
        yield _other_words(violation, f"{violation.sentence}: {len(content):,} bytes", section)
    if record.content_type == CHANGE_CIPHER_SPEC and is_tls13:
        if is_protected:
            yield _told(TlsViolation.PROTECTED_CHANGE_CIPHER_SPEC)
        elif content != b"\1":
            yield _told(TlsViolation.BAD_CHANGE_CIPHER_SPEC, content[:8].hex() or "nothing")
    if record.content_type in (HANDSHAKE, ALERT) and not content:
        yield _told(TlsViolation.EMPTY_RECORD, kind)
    elif record.content_type == ALERT and len(content) != 2:
        yield _told(TlsViolation.BAD_ALERT, f"it has {len(content)}")
    if record.content_type == HANDSHAKE and is_tls13 and has_keys and not is_protected:
        yield _told(TlsViolation.UNPROTECTED_RECORD, kind)
