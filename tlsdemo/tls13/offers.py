"""What the hellos offer and select, strictly read (RFC 8446 §4.1, §4.2).

    ClientHello --Offer.read--> Offer          the server chooses from it
    ServerHello --read_answer--> extensions    the client compares them with what it offered

An unknown extension in ClientHello is ignored. In every answer, an extension that this side did not ask for is a
violation, and so is an extension in a message for which it is not defined (§4.2).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import extensions
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import (
    ALPN,
    COOKIE,
    EARLY_DATA,
    EXTENSIONS,
    HOST_NAME,
    KEY_SHARE,
    PADDING,
    PRE_SHARED_KEY,
    PSK_KEY_EXCHANGE_MODES,
    SERVER_NAME,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
)
from tlsdemo.wire.fields import WireError, encode
from tlsdemo.wire.handshake import Extension, ServerHello
from tlsdemo.wire.messages13 import HelloRetryRequest

TLS12, TLS13 = 0x0303, 0x0304
SSL3 = 0x0300
NO_COMPRESSION = b"\0"

READ = (
    *(SERVER_NAME, SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS, COOKIE, KEY_SHARE),
    *(PSK_KEY_EXCHANGE_MODES, PRE_SHARED_KEY),
)
"""The extensions whose content is read here; the content of all others is not decoded."""

DEFINED: Mapping[type, Collection[int]] = {
    **EXTENSIONS,
    ServerHello: (PRE_SHARED_KEY, SUPPORTED_VERSIONS, KEY_SHARE),  # the others are of TLS 1.2
}
"""The extensions that are defined for a message (the table of §4.2)."""

KNOWN = frozenset().union(*EXTENSIONS.values())


def extension(number: int, structure: Any) -> Extension:
    """An extension with that content."""
    return Extension(number, encode(structure))


def read_extensions(message: Any) -> Mapping[int, Any]:
    """The extensions of a message by number: decoded if they are in READ, else their bytes; ProtocolError (§4.2)."""
    found: dict[int, Any] = {}
    kind, name = type(message), type(message).__name__
    for each in message.extensions or ():
        number = each.extension_type
        if number in found:
            raise ProtocolError(TlsViolation.DUPLICATE_EXTENSION, f"number {number} in {name}")
        if number in KNOWN and number not in DEFINED.get(kind, ()):
            raise ProtocolError(TlsViolation.MISPLACED_EXTENSION, f"number {number} in {name}")
        try:
            found[number] = each.extension_data
            if number in READ:
                found[number] = extensions.decode_extension(kind, number, each.extension_data)
        except WireError as error:
            raise ProtocolError(TlsViolation.UNDECODABLE_EXTENSION, f"number {number} in {name}: {error}") from None
    return found


def read_answer(message: Any, asked_for: Mapping[int, Any]) -> Mapping[int, Any]:
    """The extensions of an answer; ProtocolError for one that answers no extension of the request (§4.2)."""
    for each in message.extensions or ():
        if each.extension_type not in asked_for:
            detail = f"number {each.extension_type} in {type(message).__name__}"
            raise ProtocolError(TlsViolation.UNSOLICITED_EXTENSION, detail)
    return read_extensions(message)


# ClientHello --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """What a ClientHello offers."""

    hello: ClientHello
    suites: tuple[int, ...]
    groups: tuple[int, ...]
    shares: Mapping[int, bytes]
    """Key shares by the numbers of their groups."""
    schemes: tuple[int, ...]
    server_name: str
    """Empty without server_name."""
    protocols: tuple[str, ...]
    """Application protocols (ALPN)."""
    extensions: Mapping[int, Any]

    @classmethod
    def read(cls, hello: ClientHello) -> "Offer":
        """Read a ClientHello; ProtocolError if a TLS 1.3 server must refuse it."""
        if hello.legacy_version <= SSL3:
            raise ProtocolError(TlsViolation.SSL3, f"legacy_version 0x{hello.legacy_version:04x}")
        found = read_extensions(hello)
        # Without the extension the client offers TLS 1.2 at most, even if legacy_version is 0x0304 (§4.2.1).
        versions = found[SUPPORTED_VERSIONS].versions if SUPPORTED_VERSIONS in found else ()
        if TLS13 not in versions:
            raise ProtocolError(TlsViolation.OLD_VERSION, f"it offers {_hex(versions or (hello.legacy_version,))}")
        if hello.legacy_compression_methods != NO_COMPRESSION:
            raise ProtocolError(TlsViolation.COMPRESSION_OFFERED, hello.legacy_compression_methods.hex())
        _check_psk(hello, found)
        groups = _required(found, SUPPORTED_GROUPS, TlsViolation.MISSING_GROUPS).named_group_list
        shares = _required(found, KEY_SHARE, TlsViolation.MISSING_KEY_SHARE).client_shares
        schemes = _required(found, SIGNATURE_ALGORITHMS, TlsViolation.MISSING_SCHEMES).supported_signature_algorithms
        for number in (share.group for share in shares):
            if number not in groups:
                raise ProtocolError(TlsViolation.SHARE_OF_OTHER_GROUP, f"group 0x{number:04x}")
        if len({share.group for share in shares}) < len(shares):
            raise ProtocolError(TlsViolation.SHARE_TWICE, _hex([share.group for share in shares]))
        by_group = {share.group: share.key_exchange for share in shares}
        return cls(hello, hello.cipher_suites, groups, by_group, schemes, _host(found), _protocols(found), found)

    def choose_suite(self, mine: Sequence[int]) -> int:
        """The first of this side's suites that the client offers: the server's order decides (§4.1.1)."""
        if (found := next((each for each in mine if each in self.suites), None)) is None:
            raise ProtocolError(TlsViolation.NO_COMMON_SUITE, f"it offers {_hex(self.suites)}")
        return found

    def choose_group(self, mine: Sequence[int]) -> int:
        """The first of this side's groups with a key share; else the first that the client supports (§4.1.1)."""
        common = [each for each in mine if each in self.groups]
        if not common:
            raise ProtocolError(TlsViolation.NO_COMMON_GROUP, f"it offers {_hex(self.groups)}")
        return next((each for each in common if each in self.shares), common[0])

    def choose_protocol(self, mine: Sequence[str]) -> str:
        """The first of this side's application protocols that the client offers; empty if either side names none."""
        if not mine or not self.protocols:
            return ""
        if (found := next((each for each in mine if each in self.protocols), None)) is None:
            detail = (
                f"the client offers {', '.join(map(repr, self.protocols[:5]))}; the server speaks {', '.join(mine)}"
            )
            raise ProtocolError(TlsViolation.NO_COMMON_PROTOCOL, detail)
        return found

    def check_second(self, first: "Offer", group: int, cookie: bytes) -> None:
        """ProtocolError unless this ClientHello is the first one with the requested key share and cookie (§4.1.2)."""
        if COOKIE not in self.extensions or self.extensions[COOKIE].cookie != cookie:
            raise ProtocolError(TlsViolation.COOKIE_NOT_REPEATED)
        if set(self.shares) != {group}:
            raise ProtocolError(TlsViolation.SECOND_HELLO_SHARE, f"{_hex(self.shares)} instead of 0x{group:04x}")
        if _unchanged(self.hello) != _unchanged(first.hello) or EARLY_DATA in self.extensions:
            raise ProtocolError(TlsViolation.SECOND_HELLO_CHANGED)


MAY_CHANGE = frozenset({KEY_SHARE, COOKIE, EARLY_DATA, PRE_SHARED_KEY, PADDING})
"""The extensions that may differ in the second ClientHello (§4.1.2)."""


def _unchanged(hello: ClientHello) -> ClientHello:
    kept = tuple(each for each in hello.extensions or () if each.extension_type not in MAY_CHANGE)
    return replace(hello, extensions=kept)


def _required(found: Mapping[int, Any], number: int, violation: TlsViolation) -> Any:
    if number not in found:
        raise ProtocolError(violation)
    return found[number]


def _check_psk(hello: ClientHello, found: Mapping[int, Any]) -> None:
    """No PSK is accepted here, but the form is checked: it must come last, with its modes (§4.2.9, §4.2.11)."""
    if PRE_SHARED_KEY not in found:
        return
    if (hello.extensions or ())[-1].extension_type != PRE_SHARED_KEY:
        raise ProtocolError(TlsViolation.PSK_NOT_LAST)
    if PSK_KEY_EXCHANGE_MODES not in found:
        raise ProtocolError(TlsViolation.PSK_WITHOUT_MODES)


def _host(found: Mapping[int, Any]) -> str:
    names = found[SERVER_NAME].server_name_list if SERVER_NAME in found else ()
    hosts = [each.name for each in names if each.name_type == HOST_NAME]
    if len(hosts) > 1:
        raise ProtocolError(TlsViolation.REPEATED_NAME, f"{len(hosts)} names")
    return hosts[0].decode("ascii", "backslashreplace") if hosts else ""


def _protocols(found: Mapping[int, Any]) -> tuple[str, ...]:
    names = found[ALPN].protocol_name_list if ALPN in found else ()
    return tuple(each.name.decode("ascii", "backslashreplace") for each in names)


# ServerHello and HelloRetryRequest ----------------------------------------------------------------------------------

DOWNGRADES = (b"DOWNGRD\x01", b"DOWNGRD\x00")
"""The last 8 bytes of the server's random number, if it supports TLS 1.3 and negotiated TLS 1.2 or older (§4.1.3)."""


def read_server_hello(message: ServerHello, hello: ClientHello, asked_for: Mapping[int, Any]) -> Mapping[int, Any]:
    """The extensions of a ServerHello or a HelloRetryRequest; ProtocolError if it does not answer that ClientHello."""
    if SUPPORTED_VERSIONS not in [each.extension_type for each in message.extensions or ()]:
        if message.random[-8:] in DOWNGRADES:
            raise ProtocolError(TlsViolation.DOWNGRADE_SENTINEL, message.random[-8:].hex())
        raise ProtocolError(TlsViolation.SERVER_CHOSE_OLD_VERSION, f"it selected 0x{message.legacy_version:04x}")
    if message.legacy_version != TLS12:
        raise ProtocolError(TlsViolation.LEGACY_VERSION, f"0x{message.legacy_version:04x}")
    if message.legacy_session_id_echo != hello.legacy_session_id:
        raise ProtocolError(TlsViolation.SESSION_ID_NOT_ECHOED)
    if message.cipher_suite not in hello.cipher_suites:
        raise ProtocolError(TlsViolation.SUITE_NOT_OFFERED, f"0x{message.cipher_suite:04x}")
    if message.legacy_compression_method:
        raise ProtocolError(TlsViolation.COMPRESSION_CHOSEN, f"method {message.legacy_compression_method}")
    # A cookie is the one extension that a HelloRetryRequest may have without having been asked for it (§4.2).
    extra: Mapping[int, Any] = {COOKIE: None} if isinstance(message, HelloRetryRequest) else {}
    found = read_answer(message, {**asked_for, **extra})
    if (version := found[SUPPORTED_VERSIONS].selected_version) != TLS13:
        raise ProtocolError(TlsViolation.OTHER_VERSION, f"0x{version:04x}")
    return found


def _hex(numbers: Any) -> str:
    shown = [f"0x{number:04x}" for number in numbers]
    return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")
