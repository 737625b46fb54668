"""The client's first bytes: what they reveal, and the changes that an on-path attacker can make to them.

    record header(5)   msg_type(1) length(3)   legacy_version ... cipher_suites ... extensions(server_name, ...)
    '---- may be several records ----'         '------------------ ClientHello -------------------------------'

An edit changes one thing in the ClientHello, adjusts every length around it, and keeps what follows. Finished detects
the change: its MAC covers every byte of the ClientHello.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace

from tlsdemo.wire import handshake, records
from tlsdemo.wire.client_hello import ClientHello, ClientHelloMessage
from tlsdemo.wire.extensions import (
    ALPN,
    HOST_NAME,
    SERVER_NAME,
    SUPPORTED_VERSIONS,
    ProtocolNameList,
    ServerName,
    ServerNameList,
    SupportedVersions,
)
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.registry import is_grease

TLS13 = 0x0304
SIGNALS = SECURE_RENEGOTIATION, FALLBACK = 0x00FF, 0x5600
"""Values in the list of cipher suites that are signals, not suites (RFC 5746 §3.3, RFC 7507 §2)."""


def weakest(first_flight: bytes, among: Container[int] | None = None) -> bytes:
    """Keep only the last suite of the client's list: of TLS 1.3 if it offers that, else of TLS 1.2.

    `among` has the suites that the server can accept: with an ECDSA certificate it cannot use RSA suites, and an offer
    without a usable one ends in handshake_failure. Unchanged if it is not a ClientHello, or has no such suite.
    """

    def edit(hello: ClientHello) -> ClientHello:
        real = [suite for suite in hello.cipher_suites if not (suite in SIGNALS or is_grease(suite))]
        usable = [suite for suite in real if (suite >> 8 == 0x13) is _offers_tls13(hello)]
        if among is not None:
            usable = [suite for suite in usable if suite in among]
        # Without this signal OpenSSL's client refuses the ServerHello for every suite (RFC 5746 §3.4).
        kept = [suite for suite in hello.cipher_suites if suite == SECURE_RENEGOTIATION]
        return replace(hello, cipher_suites=(usable[-1], *kept)) if usable else hello

    return edited(first_flight, edit)


def last_suite(first_flight: bytes) -> bytes:
    """Keep only the last suite of the client's list, whatever its version. Unchanged if it is not a ClientHello."""
    return edited(first_flight, lambda hello: replace(hello, cipher_suites=hello.cipher_suites[-1:]))


def without_tls13(first_flight: bytes) -> bytes:
    """The version downgrade: without supported_versions, the ClientHello offers TLS 1.2 (§4.2.1)."""
    return edited(first_flight, lambda hello: hello.with_extension(SUPPORTED_VERSIONS, None))


def renamed(first_flight: bytes, name: str) -> bytes:
    """Replace the host name in server_name, if there is one; ValueError if `name` is empty or not ASCII."""

    def edit(hello: ClientHello) -> ClientHello:
        names = _server_names(hello)
        if not any(each.name_type == HOST_NAME for each in names):
            return hello
        renamed_names = tuple(replace(each, name=host) if each.name_type == HOST_NAME else each for each in names)
        return hello.with_extension(SERVER_NAME, encode(ServerNameList(renamed_names)))

    host = name.encode("ascii")
    return edited(first_flight, edit)


def client_random(first_flight: bytes) -> bytes | None:
    """The random of the ClientHello, by which a key log identifies the connection; None if the bytes have none."""
    opening = _opening(first_flight)
    return opening.hello.random if opening else None


def server_name(first_flight: bytes) -> str | None:
    """The host name in server_name (RFC 6066 §3); None if the bytes do not begin with a ClientHello that has one."""
    opening = _opening(first_flight)
    if opening is None:
        return None
    hosts = (each.name for each in _server_names(opening.hello) if each.name_type == HOST_NAME)
    return next((host.decode("ascii", "backslashreplace") for host in hosts), None)


def protocols(first_flight: bytes) -> tuple[str, ...]:
    """The application protocols that the client offers (ALPN, RFC 7301 §3.1); empty without that extension."""
    opening = _opening(first_flight)
    if opening is None:
        return ()
    try:
        offered = decode(ProtocolNameList, opening.hello.extension(ALPN) or b"").protocol_name_list
    except WireError:
        return ()
    return tuple(each.name.decode("ascii", "backslashreplace") for each in offered)


def edited(first_flight: bytes, edit: Callable[[ClientHello], ClientHello]) -> bytes:
    """The first flight with the edited ClientHello; the same bytes if the edit changes nothing, or without one."""
    opening = _opening(first_flight)
    if opening is None or (hello := edit(opening.hello)) == opening.hello:
        return first_flight
    content = encode(ClientHelloMessage(handshake.CLIENT_HELLO, hello)) + opening.same_records
    return records.framed(records.HANDSHAKE, opening.legacy_record_version, content) + opening.behind


@dataclass(frozen=True)
class _Opening:
    """The parts of a first flight."""

    hello: ClientHello
    legacy_record_version: int
    same_records: bytes
    """Further handshake bytes in the records of the ClientHello."""
    behind: bytes


def _opening(first_flight: bytes) -> _Opening | None:
    """The ClientHello at the beginning, reassembled from as many records as it spans (§5.1); None if there is none."""
    at, fragments = 0, b""
    for record in records.records(first_flight):
        if record.content_type != records.HANDSHAKE:
            return None
        at, fragments = at + records.HEADER + len(record.fragment), fragments + record.fragment
        message = next(handshake.messages(fragments), None)
        if message is None:
            continue
        if message.msg_type != handshake.CLIENT_HELLO:
            return None
        try:
            hello = decode(ClientHello, message.body)
        except WireError:
            return None
        rest = fragments[handshake.HEADER + len(message.body) :]
        return _Opening(hello, int.from_bytes(first_flight[1:3]), rest, first_flight[at:])
    return None


def _server_names(hello: ClientHello) -> tuple[ServerName, ...]:
    try:
        return decode(ServerNameList, hello.extension(SERVER_NAME) or b"").server_name_list
    except WireError:
        return ()


def _offers_tls13(hello: ClientHello) -> bool:
    try:
        return TLS13 in decode(SupportedVersions, hello.extension(SUPPORTED_VERSIONS) or b"").versions
    except WireError:
        return False
