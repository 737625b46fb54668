"""The Protocol that is built from a set of protections: TLS 1.3, with a weak part for each protection left out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tlsdemo.driver import Watch, no_watch
from tlsdemo.edu.records import Aead, Rules
from tlsdemo.edu.weak import compression, key_separation, order
from tlsdemo.protocol import Hooks, Party, Protection, Protocol, Side
from tlsdemo.tls13.eavesdropping import Recording
from tlsdemo.tls13.handshake import (
    CLIENT,
    SERVER_READS_CERTIFICATE,
    Client,
    Server,
    draw_random,
    draw_secret,
    present_certificate,
    request_certificate,
    sign_transcript,
)
from tlsdemo.tls13.key_agreement import GROUPS, X25519_NUMBER, X25519MLKEM768
from tlsdemo.tls13.machine import CLOSE, Log, Parts, Suite, no_log, refuse_unknown_content
from tlsdemo.tls13.signatures import check_signature
from tlsdemo.tls13.weak import clear, integrity, leave_out, multiplication, secrecy, transcript
from tlsdemo.trust import CHECKS, judge
from tlsdemo.wire import first_flight, key_schedule13, protection13
from tlsdemo.wire.fields import encode
from tlsdemo.wire.framing import Records
from tlsdemo.wire.handshake import HEADER
from tlsdemo.wire.visible import visible

Claims = frozenset[Protection]
Value = TypeVar("Value")

ALL: Claims = frozenset(Protection)

SUITES: Mapping[int, Suite] = {
    number: Suite(each.name, each.hash, each.key_length, Aead(each.aead))
    for number, each in protection13.SUITES.items()
}


def strong() -> Parts:
    """TLS 1.3 with every protection: client certificate, revocation, and a hybrid group included."""
    return Parts(
        groups=GROUPS,
        shares=(X25519MLKEM768, X25519_NUMBER),
        secret=dict.fromkeys(Side, draw_secret),
        random=dict.fromkeys(Side, draw_random),
        client=CLIENT,
        server=SERVER_READS_CERTIFICATE,
        request=(request_certificate,),
        prove=dict.fromkeys(Side, (present_certificate, sign_transcript)),
        judge=judge,
        checks=frozenset(CHECKS),
        check_signature=check_signature,
        transcript_hash=key_schedule13.transcript_hash,
        verify_data=key_schedule13.verify_data,
        suites=SUITES,
        rules=Rules(),
        unknown_content=refuse_unknown_content,
    )


def tls13(
    claims: Claims = ALL,
    *,
    groups: Sequence[int] = (),
    suites: Sequence[int] = (),
    protocols: Sequence[str] = (),
    tickets: int = 0,
    log: Log = no_log,
    watch: Watch = no_watch,
) -> Protocol:
    """TLS 1.3 with these protections, as a Protocol.

    `groups` and `suites` are numbers, in order of preference; empty: all that go with the claims. The client sends key
    shares for the first group, and for x25519 beside a hybrid. ValueError for one that does not go with the claims.
    """
    parts = leave_out(ALL - claims, strong())
    if groups:
        parts = with_groups(parts, groups)
    if suites:
        parts = replace(parts, suites={number: _known(parts.suites, number, "suite") for number in suites})
    parts = replace(parts, protocols=tuple(protocols), tickets=tickets, log=log)

    def client(party: Party) -> Client:
        return Client(parts, party, watch)

    def server(party: Party) -> Server:
        if party.credential is None:
            raise ValueError("a TLS server needs a certificate")
        return Server(parts, party, watch)

    return Protocol(name_of(claims), claims, client, server, _hooks(parts), "TLS 1.3")


def _hooks(parts: Parts) -> Hooks:
    recording = Recording(parts)
    pack, lengths = parts.rules.pack, [suite.cipher.sealed_length for suite in parts.suites.values()]
    hashes = {hashlib.new(each.hash).digest_size for each in parts.suites.values()}
    finished = {HEADER + size + packing for size in hashes for packing in _packing(pack)}
    alert = len(pack(encode(CLOSE))) + 1
    framing = Records(
        parts.rules.pack,
        parts.rules.unpack,
        frozenset(sealed(length + 1) for sealed in lengths for length in finished),
        frozenset(sealed(alert) for sealed in lengths),
    )
    return Hooks(
        framing=framing,
        visible=visible,
        downgrades=(first_flight.last_suite,) if len(parts.suites) > 1 else None,
        rename=first_flight.renamed,
        reckon=recording.reckon,
        decipher=recording.decipher,
        solve=recording.solve,
    )


def _packing(pack: Callable[[bytes], bytes]) -> range:
    """By how many bytes a MAC can grow when it is packed; compression does not shorten random bytes."""
    return range(1) if pack(b"") == b"" else range(8)


def with_groups(parts: Parts, numbers: Sequence[int]) -> Parts:
    """The parts with these groups; ValueError for a group that is not among those of the parts."""
    groups = {number: _known(parts.groups, number, "group") for number in numbers}
    first = numbers[0]
    return replace(parts, groups=groups, shares=(first, X25519_NUMBER) if _needs_second(first, numbers) else (first,))


def _needs_second(first: int, numbers: Sequence[int]) -> bool:
    """Whether the client sends a share of x25519 beside its first share: many servers do not know the hybrid yet."""
    return first == X25519MLKEM768 and X25519_NUMBER in numbers


def _known(table: Mapping[int, Value], number: int, kind: str) -> Value:
    if number not in table:
        raise ValueError(f"{kind} 0x{number:04x} does not go with these protections")
    return table[number]


def name_of(claims: Claims) -> str:
    """What is left out of TLS 1.3: `tls13 without order`."""
    missing = [each.readable for each in Protection if each in ALL - claims]
    return "tls13" + (f" without {', '.join(missing)}" if missing else "")


# For an eavesdropper that does not know the claims --------------------------------------------------------------------


def any_parts() -> list[Parts]:
    """The parts of TLS 1.3 with every group and suite, and one set for each rule that the hellos do not name."""
    every = [weaken(strong()) for weaken in (multiplication.weaken, secrecy.weaken, integrity.weaken, clear.weaken)]
    groups = {number: group for parts in every for number, group in parts.groups.items()}
    suites = {number: suite for parts in (strong(), *every) for number, suite in parts.suites.items()}
    whole = replace(strong(), groups=groups, suites=suites)
    return [whole, *(weaken(whole) for weaken in UNNAMED)]


UNNAMED: Sequence[Callable[[Parts], Parts]] = (
    order.weaken,
    key_separation.weaken,
    compression.weaken,
    transcript.weaken,
)
"""Remove protections that ClientHello and ServerHello do not name."""
