"""A server of our TLS 1.3 with one deviation, on a connection of the lab.

    Server.say(message) -> the deviation's edit -> the messages that are sent
    a record            -> its frame            -> the records that are sent

The keys follow from the messages that were really sent. So a client that lacks the check in question completes its
handshake and sends its request, and the lab sees it.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from pki import Credential
from tlsdemo import net
from tlsdemo.application import Talk
from tlsdemo.driver import State, Step, Table
from tlsdemo.edu.records import Aead
from tlsdemo.key_agreement import FiniteField
from tlsdemo.lab.conversation import FAREWELL, KEPT, heard, heard_in_the_clear, is_plain
from tlsdemo.lab.deviation import PADDING_TYPE, Deviation
from tlsdemo.lab.downgraded import Downgraded
from tlsdemo.lab.visit import Visit, VisitEnd
from tlsdemo.protocol import Endpoint, Party, Protection
from tlsdemo.tls13.handshake import SERVER, Server
from tlsdemo.tls13.key_agreement import X25519_NUMBER, NamedGroup
from tlsdemo.tls13.machine import Parts, Suite
from tlsdemo.tls13.offers import Offer
from tlsdemo.tls13.protocol import strong, with_groups
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.tls13.weak import leave_out
from tlsdemo.violations import AnyViolation, ProtocolError, Violation, alert
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.messages13 import Message


class WithoutLeadingZero(FiniteField):
    """A group whose shared secrets do not begin with a zero byte.

    Java 17 drops leading zeros of the shared secret, contrary to RFC 8446 §7.4.1, and then refuses the handshake: once
    in 256 times. A verdict must not depend on chance.
    """

    def answer(self, secret: int, theirs: str) -> tuple[str, bytes]:
        """As that of any group, with the next secret that gives such a shared secret."""
        while self.shared(secret, theirs)[0] == 0:
            secret += 1
        return super().answer(secret, theirs)


def _without_leading_zero(group: NamedGroup) -> NamedGroup:
    finite = group.group
    return replace(group, group=WithoutLeadingZero(finite.p, finite.g)) if isinstance(finite, FiniteField) else group


class Misbehaving(Server):
    """A server with a deviation, and what the edits of a deviation need."""

    hello: ClientHello
    """The last ClientHello."""
    shared_instead: bytes | None = None
    """The shared secret that replaces the computed one."""

    def __init__(self, deviation: Deviation, parts: Parts, party: Party) -> None:
        self.deviation = deviation
        self._retried = 0
        super().__init__(replace(parts, server=TABLE), party)

    def say(self, message: Message) -> None:
        edit = self.deviation.instead.get(type(message))
        for each in [message] if edit is None else edit(self, message):
            super().say(each)

    def agree(self, shared: bytes) -> None:
        super().agree(shared if self.shared_instead is None else self.shared_instead)

    def on_client_hello(self, message: ClientHello, before: bytes) -> State | None:
        self.hello = message
        if self._retried < self.deviation.retries:
            return self._retry(message)
        following = super().on_client_hello(message, before)
        self.deviation.afterwards(self)
        return following

    def _retry(self, message: ClientHello) -> State:
        """Ask for a key share of a group that the client supports; the first time, of one without a key share."""
        offer = Offer.read(message)
        if not self._retried:
            groups = {
                number: _without_leading_zero(group)
                for number, group in STRONG.groups.items()
                if number not in offer.shares
            }
            self.parts = replace(self.parts, groups=groups)
        self._retried += 1
        self.session_id, self.server_name = message.legacy_session_id, offer.server_name
        number, group = offer.choose_suite(tuple(self.parts.suites)), offer.choose_group(tuple(self.parts.groups))
        self.suite, self.group = self.parts.suites[number], self.parts.groups[group]
        return self.ask_again(offer, number, group)

    def select_suite_not_offered(self) -> int:
        """Use a cipher suite that the client does not offer; returns its number. ProtocolError if it offers all."""
        for number, suite in {**CCM_SUITES, **self.parts.suites}.items():
            if number not in self.hello.cipher_suites:
                self.suite = suite
                return number
        raise ProtocolError(TlsViolation.NO_COMMON_SUITE, "it offers all suites of TLS 1.3")

    # `Machine` has no hook for records, so this replaces the method that makes them.
    def _records(self, content_type: int, content: bytes, legacy_version: int = 0x0303) -> bytes:
        return b"".join(
            self._padded(piece)
            if kind == PADDING_TYPE
            else super(Misbehaving, self)._records(kind, piece, legacy_version)
            for kind, piece in self.deviation.frame(content_type, content)
        )

    def _padded(self, content: bytes) -> bytes:
        """A record whose content has the type and the padding, which may be too long."""
        assert self._sending
        return self._sealed(self._sending, PADDING_TYPE, content)


TABLE: Table = {
    **SERVER,
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Misbehaving.on_client_hello, State.WAIT_FINISHED)},
}

STRONG = leave_out(frozenset({Protection.CLIENT_IDENTITY}), strong())
PARTS = with_groups(STRONG, [X25519_NUMBER])
"""One group alone: almost every client sends a key share of x25519."""

CCM_SUITES: Mapping[int, Suite] = {
    0x1305: Suite("TLS_AES_128_CCM_8_SHA256", "sha256", 16, Aead(lambda key: AESCCM(key, tag_length=8), 8)),
    0x1304: Suite("TLS_AES_128_CCM_SHA256", "sha256", 16, Aead(AESCCM)),
}
"""The suites of §B.4 that clients rarely offer."""


def server(deviation: Deviation, credential: Credential) -> Misbehaving | Downgraded:
    """A new endpoint with that deviation, for one connection."""
    party = Party(lambda: datetime.now(UTC), os.urandom, credential)
    if deviation.tls12_marker is not None:
        return Downgraded(party, deviation.tls12_marker)
    return Misbehaving(deviation, PARTS, party)


# On a connection -----------------------------------------------------------------------------------------------------

UNFIT = {
    TlsViolation.SSL3, TlsViolation.OLD_VERSION, TlsViolation.MISSING_GROUPS, TlsViolation.MISSING_KEY_SHARE,
    TlsViolation.MISSING_SCHEMES, TlsViolation.NO_COMMON_SUITE, TlsViolation.NO_COMMON_GROUP,
    TlsViolation.NO_COMMON_SCHEME,
}  # fmt: skip
"""The client's offer does not fit the server."""
OTHER_KEYS = {Violation.BAD_RECORD, Violation.BAD_FINISHED}
"""The client has other keys than the server: it continues, or sends an alert that the server cannot read."""


async def converse(
    connection: net.Connection, deviation: Deviation, credential: Credential, talk: Callable[[Visit], Talk]
) -> Visit:
    """Serve this deviation on a connection; `talk` makes the answer for a client that accepts it."""
    endpoint, silence = server(deviation, credential), deviation.silence
    visit = Visit("", connection.peer, VisitEnd.REFUSED)
    if is_plain(net.peek(connection.socket)):
        return await heard_in_the_clear(connection, talk(replace(visit, agreed="no TLS")), visit)
    channel = _Channel(connection, endpoint)
    until = connection.deadline if silence is None else min(connection.deadline, time.monotonic() + silence)
    try:
        await channel.link.handshake(until)
    except ProtocolError as error:
        visit = _refused(replace(visit, asked_for=endpoint.server_name[:KEPT] or None), error)
        await _drain(connection)
        return visit
    except TimeoutError:
        visit = replace(visit, asked_for=endpoint.server_name[:KEPT] or None)
        if silence is None:
            return replace(visit, end=VisitEnd.WAITED, why="the client did not continue its handshake")
        await _drain(connection)  # a client that does not wait for the rest has sent its request by now
        return replace(visit, why="the server sent nothing more, and closed the connection")
    except net.ConnectionDropped as dropped:
        return replace(visit, end=VisitEnd.WAITED, why=str(dropped))
    agreed = endpoint.negotiated
    visit = replace(
        visit, asked_for=endpoint.server_name[:KEPT] or None, agreed=f"{agreed['version']}, {agreed['cipher']}"
    )
    visit = await heard(channel, talk(visit), visit)
    await channel.close(FAREWELL)
    return visit


async def _drain(connection: net.Connection) -> None:
    try:
        await connection.drain(FAREWELL)
    except net.ConnectionDropped:
        return


def _refused(visit: Visit, error: ProtocolError) -> Visit:
    """Which side ended the handshake, and why."""
    found: AnyViolation = error.violation
    if found is Violation.ALERT:
        return replace(visit, alert=alert(error))
    if found is Violation.TRUNCATED:
        return replace(visit, why="the client closed the connection")
    if found in OTHER_KEYS:
        return replace(visit, why="the client has other keys than the server")
    if found in UNFIT:
        return replace(visit, end=VisitEnd.UNFIT, why=found.sentence)
    return replace(visit, end=VisitEnd.TURNED_AWAY, why=str(error))


class _Channel:
    """The channel of `conversation.heard` over an endpoint."""

    def __init__(self, connection: net.Connection, endpoint: Endpoint) -> None:
        self.connection = connection
        self.link = net.AsyncLink(connection, endpoint)

    async def receive(self) -> bytes:
        return await self.link.receive(self.connection.deadline)

    async def send(self, data: bytes) -> None:
        await self.link.send(data, self.connection.deadline)

    async def close(self, seconds: float) -> None:
        await self.link.close(time.monotonic() + seconds)
        await _drain(self.connection)
