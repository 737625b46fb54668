"""A server that selects TLS 1.2 although it supports TLS 1.3, and says so in its random value (RFC 8446 §4.1.3).

    ClientHello          -------->
                         <--------   ServerHello, Certificate, ServerKeyExchange, ServerHelloDone
    ClientKeyExchange,
    (ChangeCipherSpec), {Finished}   -------->
                         <--------   (ChangeCipherSpec), {Finished}
    [application data]   <------->   [application data]

A real server does so only if ClientHello does not offer TLS 1.3, for example because an attacker has removed the offer.
No setting of OpenSSL does so otherwise. So this is a TLS 1.2 server of our own (RFC 5246 §7.3, RFC 8422), with one key
exchange and the AES-GCM suites of `wire.tls12`. A client that ignores the value completes the handshake, and the lab
sees its request.
"""

import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tlsdemo import trust
from tlsdemo.driver import Driver, State, no_watch
from tlsdemo.protocol import Party, Side
from tlsdemo.tls13 import offers, signatures
from tlsdemo.tls13.key_agreement import GROUPS, X25519_NUMBER
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire import extensions, handshake, tls12
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import (
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    Extension,
    Handshake,
    ServerHello,
)
from tlsdemo.wire.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, raw_records
from tlsdemo.wire.records import encode as encode_record
from tlsdemo.wire.registry import ALERTS

CERTIFICATE, SERVER_KEY_EXCHANGE, FINISHED = 11, 12, 20
NAMED_CURVE = 3  # RFC 8422 §5.4
VERIFY_DATA = 12  # bytes, RFC 5246 §7.4.9
MAX_CONTENT = 2**14  # bytes
RANDOM = 32  # bytes


class Downgraded(Driver):
    """The server's side of one connection. Its random value ends with `marker`."""

    side = Side.SERVER
    begins_with = State.WAIT_CLIENT_HELLO
    server_name = ""

    def __init__(self, party: Party, marker: bytes) -> None:
        super().__init__({}, party, no_watch)
        self._marker = marker
        self._fragments = b""
        self._suite: tls12.Suite | None = None
        self._secret = 0
        self._master = b""
        self._keys: tuple[tls12.Keys, tls12.Keys] | None = None
        self._numbers = [0, 0]
        """The sequence numbers of what the client and the server send next."""
        self._client_protects = self._server_protects = False
        self.start()

    # The handshake ---------------------------------------------------------------------------------------------------

    def _on_message(self, message: Handshake, raw: bytes) -> None:
        if self.state is State.WAIT_CLIENT_HELLO and message.msg_type == CLIENT_HELLO:
            self._transcript += raw
            self._on_client_hello(decode(ClientHello, message.body))
            self.state = State.WAIT_CERTIFICATE  # for ClientKeyExchange, which has no state in TLS 1.3
        elif self.state is State.WAIT_CERTIFICATE and message.msg_type == CLIENT_KEY_EXCHANGE:
            self._transcript += raw
            self._on_client_key_exchange(message.body[1:])
            self.state = State.WAIT_FINISHED
        elif self.state is State.WAIT_FINISHED and message.msg_type == FINISHED and self._client_protects:
            if not hmac.compare_digest(message.body, self._verify_data("client finished")):
                raise ProtocolError(Violation.BAD_FINISHED)
            self._transcript += raw
            self._outgoing.append(self._record(CHANGE_CIPHER_SPEC, b"\x01"))
            self._server_protects = True
            self._say(FINISHED, self._verify_data("server finished"))
            self.state = State.CONNECTED
        else:
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, message.name)

    def _on_client_hello(self, hello: ClientHello) -> None:
        assert self.party.credential
        found = offers.read_extensions(hello)
        versions = found[extensions.SUPPORTED_VERSIONS].versions if extensions.SUPPORTED_VERSIONS in found else ()
        if offers.TLS13 not in versions:  # then the value would say nothing
            raise ProtocolError(TlsViolation.OLD_VERSION)
        groups = found[extensions.SUPPORTED_GROUPS].named_group_list if extensions.SUPPORTED_GROUPS in found else ()
        if X25519_NUMBER not in groups:
            raise ProtocolError(TlsViolation.NO_COMMON_GROUP)
        number = next((each for each in SUITES if each in hello.cipher_suites), None)
        if number is None:
            raise ProtocolError(TlsViolation.NO_COMMON_SUITE)
        if extensions.SERVER_NAME in found:
            self.server_name = found[extensions.SERVER_NAME].server_name_list[0].name.decode("ascii", "replace")
        self._suite, key = tls12.SUITES[number], self.party.credential.key
        random = self.party.random(RANDOM - len(self._marker)) + self._marker
        self._randoms = hello.random, random
        # Clients require the answer to renegotiation_info (RFC 5746 §3.4).
        answers = (Extension(extensions.RENEGOTIATION_INFO, b"\x00"),)
        self._say(SERVER_HELLO, encode(ServerHello(offers.TLS12, random, b"", number, 0, answers)))
        self._say(CERTIFICATE, _list24(b"".join(map(_list24, trust.ders(self.party.credential)))))
        group = GROUPS[X25519_NUMBER]
        self._secret = group.group.draw(self.party.random)
        share = group.public(self._secret)
        parameters = bytes([NAMED_CURVE]) + X25519_NUMBER.to_bytes(2) + bytes([len(share)]) + share
        signature = signatures.sign(key, signatures.ECDSA_P256, hello.random + random + parameters)
        signed = signatures.ECDSA_P256.to_bytes(2) + len(signature).to_bytes(2) + signature
        self._say(SERVER_KEY_EXCHANGE, parameters + signed)
        self._say(SERVER_HELLO_DONE, b"")

    def _on_client_key_exchange(self, share: bytes) -> None:
        assert self._suite
        premaster = GROUPS[X25519_NUMBER].shared(self._secret, share)
        self._master = tls12.master_secret(self._suite, premaster, *self._randoms)
        self._keys = tls12.traffic_keys(self._suite, self._master, *self._randoms)

    def _verify_data(self, label: str) -> bytes:
        assert self._suite
        return tls12.prf(self._suite, self._master, label, self.transcript_hash(), VERIFY_DATA)

    def transcript_hash(self) -> bytes:
        return hashlib.new(self._suite.hash, self._transcript).digest() if self._suite else b""

    def _say(self, kind: int, body: bytes) -> None:
        raw = encode(Handshake(kind, body))
        self.add(kind, raw, self._record(HANDSHAKE, raw))

    # Records ---------------------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        if (raw := next(raw_records(bytes(self._incoming)), None)) is None:
            return False
        del self._incoming[: len(raw)]
        record = decode(Record, raw)
        content = self._opened(record) if self._client_protects else record.fragment
        if record.content_type == HANDSHAKE:
            self._on_handshake(content)
        elif record.content_type == CHANGE_CIPHER_SPEC:
            self._client_protects = self._keys is not None
        elif record.content_type == ALERT and len(content) == 2:
            self.on_alert(ALERTS.get(content[1], f"alert {content[1]}"))
        elif record.content_type == APPLICATION_DATA and self.accepted:
            self.deliver(content)
        else:
            raise ProtocolError(Violation.UNEXPECTED_MESSAGE, record.name)
        return True

    def _on_handshake(self, content: bytes) -> None:
        self._fragments += content
        try:
            for message in handshake.messages(self._fragments):
                raw = encode(message)
                self._fragments = self._fragments[len(raw) :]
                self._on_message(message, raw)
        except WireError as error:
            raise ProtocolError(TlsViolation.UNDECODABLE, str(error)) from None

    def _opened(self, record: Record) -> bytes:
        assert self._keys and self._suite
        try:
            content = tls12.opened(self._suite, self._keys[0], self._numbers[0], record)
        except (InvalidTag, ValueError):
            raise ProtocolError(Violation.BAD_RECORD) from None
        self._numbers[0] += 1
        return content

    def _record(self, content_type: int, content: bytes) -> bytes:
        fragment = self._sealed(content_type, content) if self._server_protects else content
        return encode_record(Record(content_type, offers.TLS12, fragment))

    def _sealed(self, content_type: int, content: bytes) -> bytes:
        """The inverse of `tls12.opened`: the explicit part of the nonce, ciphertext and tag (RFC 5288 §3)."""
        assert self._keys
        explicit, key = self._numbers[1].to_bytes(8), self._keys[1]
        self._numbers[1] += 1
        header = bytes([content_type]) + offers.TLS12.to_bytes(2) + len(content).to_bytes(2)
        return explicit + AESGCM(key.key).encrypt(key.iv + explicit, content, explicit + header)

    def seal_data(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_CONTENT):
            self._outgoing.append(self._record(APPLICATION_DATA, data[start : start + MAX_CONTENT]))

    def seal_end(self) -> None:
        self._outgoing.append(self._record(ALERT, b"\x01\x00"))

    def end_of_stream(self) -> None:
        return

    def give_up(self, error: ProtocolError) -> None:
        number = next(number for number, name in ALERTS.items() if name == error.violation.alert)
        self._outgoing.append(self._record(ALERT, bytes([2, number])))

    @property
    def negotiated(self) -> Mapping[str, str]:
        return {"version": "TLSv1.2", "cipher": self._suite.name} if self.accepted and self._suite else {}


SUITES = (0xC02B, 0xC02C)
"""ECDHE_ECDSA with AES-GCM; the lab's certificate is for an EC key."""


def _list24(content: bytes) -> bytes:
    """Content with its length in three bytes."""
    return len(content).to_bytes(3) + content
