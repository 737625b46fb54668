"""The handshake of TLS 1.3: it makes an encrypted channel, and proves to the client who the server is.

    Client                                                   Server

    ClientHello
      name of the server, suites offered,
      random number, key shares         -------->
                                        <--------       HelloRetryRequest   *
    ClientHello           *             -------->
                                                        ServerHello
                                                          suite chosen,
                                                          random number, key share
                                                        {EncryptedExtensions}
                                                        {CertificateRequest}  **
                                                        {Certificate}
                                                        {CertificateVerify}
                                        <--------       {Finished}
    {Certificate}        **
    {CertificateVerify}  **
    {Finished}                          -------->
                                        <--------       [NewSessionTicket]
    [application data]                  <------->       [application data]
    [KeyUpdate]                         <------->       [KeyUpdate]

     *  if the client sent no key share for a group of the server       **  if the server asks for a certificate
    { }  in records, under the handshake keys       [ ]  in records, under the application keys

Read it beside RFC 8446 §2, and beside `edu.handshake`: the same steps under the same names. What TLS adds is here:
negotiation of groups (HelloRetryRequest), encryption of all that follows ServerHello, EncryptedExtensions,
CertificateRequest, KeyUpdate. Resumption (§2.2) and 0-RTT (§2.3) are left out.

A protection is removed by replacing one of `Parts` (`edu.weak`, `tls13.weak`). Records and keys are in `machine`, and
what the hellos may contain in `offers`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography import x509

from pki import Credential
from tlsdemo import trust
from tlsdemo.driver import State, Step, Table
from tlsdemo.protocol import Side
from tlsdemo.tls13 import offers, signatures
from tlsdemo.tls13.key_agreement import NamedGroup
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.offers import TLS12, TLS13, Offer, extension
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation
from tlsdemo.wire import extensions, key_schedule13
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.handshake import Extension, ServerHello
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
    NewSessionTicket,
    encode_message,
)

RANDOM = 32  # bytes
TICKET_LIFETIME = 7200  # seconds


class Peer(Machine):
    """The steps that client and server have in common: each proves its identity, and checks the proof of the other."""

    accepted_schemes: tuple[int, ...] = ()
    """The signature schemes that the peer accepts."""

    @property
    def credential(self) -> Credential | None:
        """What this side proves its identity with; None for a client without a suitable certificate (§4.4.2)."""
        own = self.party.credential
        if own and self.side is Side.CLIENT and signatures.suitable(own.key, self.accepted_schemes) is None:
            return None
        return own

    def on_certificate(self, message: Certificate, before: bytes) -> None:
        """Read the peer's certificate chain and judge it (§4.4.2)."""
        if message.certificate_request_context:
            raise ProtocolError(TlsViolation.CERTIFICATE_CONTEXT, message.certificate_request_context.hex()[:40])
        if not message.certificate_list:
            empty = Violation.NO_CERTIFICATE if self.side is Side.SERVER else TlsViolation.EMPTY_CERTIFICATE
            raise ProtocolError(empty)
        for entry in message.certificate_list:
            offers.read_answer(entry, {})  # this side asks for no evidence, such as an OCSP response
        self.peer_chain = trust.read_chain([entry.cert_data for entry in message.certificate_list])
        self.verdict = self.parts.judge(self.peer_chain, self.party, self.side.other, self.parts.checks)

    def on_certificate_verify(self, message: CertificateVerify, before: bytes) -> None:
        """Check that the peer has the certificate's private key (§4.4.3).

        A certificate is public, so that an attacker can present a copy. The signature covers this conversation, and
        only the owner of the key can make it.
        """
        content = signatures.signed_content(self.side.other, before)
        self.parts.check_signature(self.peer_chain[0], message.algorithm, message.signature, content)

    def check_finished(self, message: Finished, before: bytes) -> None:
        """Check that the peer has the same secret and saw the same messages (§4.4.4): a changed message is detected."""
        assert self.suite
        expected = self.parts.verify_data(self.suite.hash, self.handshake_traffic_secrets[self.side.other], before)
        if len(message.verify_data) != len(expected):
            raise ProtocolError(TlsViolation.FINISHED_LENGTH, f"{len(message.verify_data)} bytes, not {len(expected)}")
        if not hmac.compare_digest(message.verify_data, expected):  # in constant time: it is derived from a secret
            sender, receiver = self.side.other.value, self.side.value
            detail = f"the {sender}'s Finished does not match the messages that the {receiver} saw"
            raise ProtocolError(Violation.BAD_FINISHED, detail)

    def prove(self) -> None:
        """Send the proofs of identity: a certificate, and a signature by its key."""
        for send_proof in self.parts.prove[self.side]:
            send_proof(self)

    def finish(self) -> None:
        """Send Finished."""
        assert self.suite
        base_key = self.handshake_traffic_secrets[self.side]
        self.say(Finished(self.parts.verify_data(self.suite.hash, base_key, self.transcript_hash())))

    def on_key_update(self, message: KeyUpdate, before: bytes) -> None:
        """Use the peer's next key, and change this side's key, too, if the peer asks for that (§4.6.3)."""
        if message.request_update not in (0, 1):
            raise ProtocolError(TlsViolation.BAD_KEY_UPDATE, str(message.request_update))
        self.count_key_update()
        self.update_key(self.side.other)
        if message.request_update and not self.has_closed:  # nothing follows close_notify (§6.1)
            self.change_key(request_update=0)

    def change_key(self, request_update: int = 1) -> None:
        """Send KeyUpdate, and use the next key: a key that is stolen later does not open earlier records (§7.2)."""
        self.say(KeyUpdate(request_update))
        self.update_key(self.side)


def draw_secret(peer: Machine, group: NamedGroup) -> int:
    """A new secret for this conversation, deleted with it: that is forward secrecy (§E.1)."""
    return group.group.draw(peer.party.random)


def draw_random(peer: Machine) -> bytes:
    """32 random bytes. They make each conversation different, so that a recorded one cannot be replayed (§4.1.2)."""
    return peer.party.random(RANDOM)


def request_certificate(peer: Machine) -> None:
    """Send CertificateRequest (§4.3.2)."""
    schemes = extensions.SignatureSchemeList(signatures.OFFERED)
    peer.say(CertificateRequest(b"", (extension(extensions.SIGNATURE_ALGORITHMS, schemes),)))


def present_certificate(peer: Machine) -> None:
    """Send Certificate: the claim who this side is (§4.4.2). A client without a suitable one sends an empty list."""
    assert isinstance(peer, Peer)
    ders = trust.ders(peer.credential) if peer.credential else ()
    peer.say(Certificate(b"", tuple(CertificateEntry(der) for der in ders)))


def sign_transcript(peer: Machine) -> None:
    """Send CertificateVerify: the proof that this side has the certificate's private key (§4.4.3)."""
    assert isinstance(peer, Peer)
    if peer.credential is None:  # a client that has sent an empty Certificate
        return
    scheme = signatures.choose(peer.credential.key, peer.accepted_schemes)
    content = signatures.signed_content(peer.side, peer.transcript_hash())
    peer.say(CertificateVerify(scheme, signatures.sign(peer.credential.key, scheme, content)))


class Client(Peer):
    """WAIT_SERVER_HELLO -> WAIT_ENCRYPTED_EXTENSIONS -> ... -> WAIT_FINISHED -> CONNECTED (§A.1)."""

    side = Side.CLIENT
    begins_with = State.WAIT_SERVER_HELLO

    hello: ClientHello
    retry: HelloRetryRequest | None = None
    request: CertificateRequest | None = None

    def begin(self) -> None:
        """Draw a secret for each key share, and send ClientHello with the key shares."""
        self.random = self.client_random = self.parts.random[self.side](self)
        self.session_id = self.party.random(RANDOM)  # looks like a TLS 1.2 resumption: for middleboxes (§D.4)
        self.server_name = str(self.party.name.value) if self.party.name else ""
        offered = {
            **self._name(),
            extensions.SUPPORTED_VERSIONS: extensions.SupportedVersions((TLS13,)),
            extensions.SUPPORTED_GROUPS: extensions.NamedGroupList(tuple(self.parts.groups)),
            extensions.SIGNATURE_ALGORITHMS: extensions.SignatureSchemeList(signatures.OFFERED),
            **self._protocols(),
            extensions.KEY_SHARE: self._key_shares(self.parts.shares),
        }
        suites = tuple(self.parts.suites)
        self.hello = ClientHello(
            TLS12, self.random, self.session_id, suites, offers.NO_COMPRESSION, _extensions(offered)
        )
        self.say(self.hello)

    def _name(self) -> Mapping[int, Any]:
        if not isinstance(self.party.name, x509.DNSName):  # literal addresses are not sent (RFC 6066 §3)
            return {}
        name = extensions.ServerName(extensions.HOST_NAME, self.server_name.encode("ascii"))
        return {extensions.SERVER_NAME: extensions.ServerNameList((name,))}

    def _protocols(self) -> Mapping[int, Any]:
        names = tuple(extensions.ProtocolName(each.encode()) for each in self.parts.protocols)
        return {extensions.ALPN: extensions.ProtocolNameList(names)} if names else {}

    def _key_shares(self, numbers: tuple[int, ...]) -> extensions.KeyShareClientHello:
        self.secrets = {number: self.parts.secret[self.side](self, self.parts.groups[number]) for number in numbers}
        shares = (
            extensions.KeyShareEntry(number, self.parts.groups[number].public(secret))
            for number, secret in self.secrets.items()
        )
        return extensions.KeyShareClientHello(tuple(shares))

    @property
    def asked_for(self) -> Mapping[int, bytes]:
        """The extensions of ClientHello: the server may answer these."""
        return {each.extension_type: each.extension_data for each in self.hello.extensions or ()}

    def on_hello_retry_request(self, message: HelloRetryRequest, before: bytes) -> None:
        """Send a second ClientHello with a key share of the group that the server selected (§4.1.4)."""
        if self.retry:
            raise ProtocolError(TlsViolation.SECOND_RETRY)
        found = offers.read_server_hello(message, self.hello, self.asked_for)
        if not found.keys() & {extensions.KEY_SHARE, extensions.COOKIE}:
            raise ProtocolError(TlsViolation.RETRY_CHANGES_NOTHING)
        changed: dict[int, Any] = {}
        if extensions.KEY_SHARE in found:
            number = found[extensions.KEY_SHARE].selected_group
            if number not in self.parts.groups:
                raise ProtocolError(TlsViolation.RETRY_GROUP_NOT_OFFERED, f"0x{number:04x}")
            if number in self.secrets:
                raise ProtocolError(TlsViolation.RETRY_GROUP_ALREADY_SENT, f"0x{number:04x}")
            changed[extensions.KEY_SHARE] = self._key_shares((number,))
        if extensions.COOKIE in found:
            changed[extensions.COOKIE] = found[extensions.COOKIE]
        self.retry = message
        self.suite = self.parts.suites[message.cipher_suite]
        self._hash_first_hello()
        self.say_change_cipher_spec()
        kept = tuple(each for each in self.hello.extensions or () if each.extension_type not in changed)
        self.hello = replace(self.hello, extensions=(*kept, *_extensions(changed)))
        self.say(self.hello)

    def _hash_first_hello(self) -> None:
        """Replace the first ClientHello in the transcript by its hash, which a stateless server can keep (§4.4.1)."""
        assert self.suite
        first = encode_message(self.hello)
        retry = self.transcript[len(first) :]
        self.replace_transcript(key_schedule13.message_hash(self.suite.hash, first) + retry)

    def on_server_hello(self, message: ServerHello, before: bytes) -> None:
        """Compute the shared secret from the server's key share, and the handshake keys from that secret."""
        found = offers.read_server_hello(message, self.hello, self.asked_for)
        if self.retry and message.cipher_suite != self.retry.cipher_suite:
            raise ProtocolError(TlsViolation.SUITE_CHANGED, f"0x{message.cipher_suite:04x}")
        if extensions.KEY_SHARE not in found:
            raise ProtocolError(TlsViolation.MISSING_SERVER_SHARE)
        share = found[extensions.KEY_SHARE].server_share
        if share.group not in self.secrets:
            violation = TlsViolation.GROUP_CHANGED if self.retry else TlsViolation.SHARE_NOT_OFFERED
            raise ProtocolError(violation, f"0x{share.group:04x}")
        self.suite = self.parts.suites[message.cipher_suite]
        self.group = self.parts.groups[share.group]
        self.agree(self.group.shared(self.secrets[share.group], share.key_exchange))

    def on_encrypted_extensions(self, message: EncryptedExtensions, before: bytes) -> None:
        """Read the answers that do not select keys (§4.3.1)."""
        found = offers.read_answer(message, self.asked_for)
        if extensions.ALPN in found:
            self.protocol = self._selected(found[extensions.ALPN])

    def _selected(self, answer: extensions.ProtocolNameList) -> str:
        names = [each.name.decode("ascii", "backslashreplace") for each in answer.protocol_name_list]
        if len(names) != 1:
            raise ProtocolError(TlsViolation.SEVERAL_PROTOCOLS, f"{len(names)} protocols")
        if names[0] not in self.parts.protocols:
            raise ProtocolError(TlsViolation.PROTOCOL_NOT_OFFERED, repr(names[0]))
        return names[0]

    def on_certificate_request(self, message: CertificateRequest, before: bytes) -> None:
        """Remember that the server asks for a certificate, and which signatures it accepts (§4.3.2)."""
        if message.certificate_request_context:
            raise ProtocolError(TlsViolation.REQUEST_CONTEXT, message.certificate_request_context.hex()[:40])
        found = offers.read_extensions(message)
        if extensions.SIGNATURE_ALGORITHMS not in found:
            raise ProtocolError(TlsViolation.MISSING_REQUEST_SCHEMES)
        self.request = message
        self.accepted_schemes = found[extensions.SIGNATURE_ALGORITHMS].supported_signature_algorithms

    def on_finished(self, message: Finished, before: bytes) -> None:
        """Check the server's Finished, and send the client's own. The application may send from here on."""
        self.check_finished(message, before)
        self.derive_application_keys()
        self.receive_with_new_keys()
        if not self.retry:  # else it was sent before the second ClientHello
            self.say_change_cipher_spec()
        if self.request:
            self.prove()
        self.finish()
        self.send_with_new_keys()

    def on_new_session_ticket(self, message: NewSessionTicket, before: bytes) -> None:
        """Ignore it: this client does not resume."""
        offers.read_extensions(message)


class Server(Peer):
    """WAIT_CLIENT_HELLO -> (WAIT_CERTIFICATE -> WAIT_CERTIFICATE_VERIFY ->) WAIT_FINISHED -> CONNECTED (§A.2)."""

    side = Side.SERVER
    begins_with = State.WAIT_CLIENT_HELLO

    first: Offer | None = None
    """The first ClientHello, if the server has asked for a second one."""
    cookie = b""
    wanted = 0
    """The group that the server asked for in HelloRetryRequest."""

    def on_client_hello(self, message: ClientHello, before: bytes) -> State | None:
        """Choose a suite and a group, draw a secret, and send the server's whole flight: ServerHello to Finished."""
        offer = Offer.read(message)
        if self.first:
            offer.check_second(self.first, self.wanted, self.cookie)
        elif extensions.COOKIE in offer.extensions:
            raise ProtocolError(TlsViolation.UNASKED_COOKIE)
        self.skip_early_data(offered=extensions.EARLY_DATA in offer.extensions)
        number = offer.choose_suite(tuple(self.parts.suites))
        group_number = offer.choose_group(tuple(self.parts.groups))
        self.session_id = message.legacy_session_id
        self.suite, self.group = self.parts.suites[number], self.parts.groups[group_number]
        if group_number not in offer.shares:
            return self.ask_again(offer, number, group_number)
        self.client_random, self.server_name = message.random, offer.server_name
        self.accepted_schemes = offer.schemes
        self.protocol = offer.choose_protocol(self.parts.protocols)
        self.random = self.parts.random[self.side](self)
        secret = self.parts.secret[self.side](self, self.group)
        share, shared = self.group.answer(secret, offer.shares[group_number])
        entry = extensions.KeyShareServerHello(extensions.KeyShareEntry(group_number, share))
        self.say(self._hello(ServerHello, number, self.random, {extensions.KEY_SHARE: entry}))
        if not self.first:  # else it was sent after HelloRetryRequest
            self.say_change_cipher_spec()
        self.agree(shared)
        self.say(EncryptedExtensions(_extensions(self._answers(offer))))
        for send_request in self.parts.request:
            send_request(self)
        self.prove()
        self.finish()
        self.derive_application_keys()
        self.send_with_new_keys()
        return None

    def ask_again(self, offer: Offer, number: int, group_number: int) -> State:
        """Send HelloRetryRequest: the client supports the group, but has sent no key share for it (§4.1.4)."""
        assert self.suite
        self.first, self.wanted, self.cookie = offer, group_number, self.party.random(RANDOM)
        self.replace_transcript(key_schedule13.message_hash(self.suite.hash, self.transcript))
        wanted = {
            extensions.KEY_SHARE: extensions.KeyShareHelloRetryRequest(group_number),
            extensions.COOKIE: extensions.Cookie(self.cookie),
        }
        self.say(self._hello(HelloRetryRequest, number, HELLO_RETRY_REQUEST_RANDOM, wanted))
        self.say_change_cipher_spec()
        return State.WAIT_CLIENT_HELLO

    def _hello(self, kind: type[ServerHello], number: int, random: bytes, answers: Mapping[int, Any]) -> ServerHello:
        version = {extensions.SUPPORTED_VERSIONS: extensions.SelectedVersion(TLS13)}
        return kind(TLS12, random, self.session_id, number, 0, _extensions({**version, **answers}))

    def _answers(self, offer: Offer) -> Mapping[int, Any]:
        """The extensions of EncryptedExtensions (§4.3.1)."""
        answers: dict[int, Any] = {}
        if offer.server_name:
            answers[extensions.SERVER_NAME] = extensions.ServerNameAcknowledgement()
        if self.protocol:
            name = extensions.ProtocolName(self.protocol.encode("ascii", "backslashreplace"))
            answers[extensions.ALPN] = extensions.ProtocolNameList((name,))
        return answers

    def on_finished(self, message: Finished, before: bytes) -> None:
        """Check the client's Finished. The application receives data only after it."""
        self.check_finished(message, before)
        self.receive_with_new_keys()
        for number in range(self.parts.tickets):
            random = self.party.random
            age_add, nonce = int.from_bytes(random(4)), bytes([number])
            self.say(NewSessionTicket(TICKET_LIFETIME, age_add, nonce, random(RANDOM)))


def _extensions(structures: Mapping[int, Any]) -> tuple[Extension, ...]:
    return tuple(extension(number, structure) for number, structure in structures.items())


# Which message each state waits for, which step handles it, and which state follows -----------------------------------

CLIENT: Table = {
    State.WAIT_SERVER_HELLO: {
        HelloRetryRequest: Step(Client.on_hello_retry_request, State.WAIT_SERVER_HELLO),
        ServerHello: Step(Client.on_server_hello, State.WAIT_ENCRYPTED_EXTENSIONS),
    },
    State.WAIT_ENCRYPTED_EXTENSIONS: {
        EncryptedExtensions: Step(Client.on_encrypted_extensions, State.WAIT_CERTIFICATE_OR_REQUEST),
    },
    State.WAIT_CERTIFICATE_OR_REQUEST: {
        CertificateRequest: Step(Client.on_certificate_request, State.WAIT_CERTIFICATE),
        Certificate: Step(Peer.on_certificate, State.WAIT_CERTIFICATE_VERIFY),
    },
    State.WAIT_CERTIFICATE: {Certificate: Step(Peer.on_certificate, State.WAIT_CERTIFICATE_VERIFY)},
    State.WAIT_CERTIFICATE_VERIFY: {CertificateVerify: Step(Peer.on_certificate_verify, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Client.on_finished, State.CONNECTED)},
    State.CONNECTED: {
        NewSessionTicket: Step(Client.on_new_session_ticket, State.CONNECTED),
        KeyUpdate: Step(Peer.on_key_update, State.CONNECTED),
    },
}  # RFC 8446 §A.1

SERVER: Table = {
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Server.on_client_hello, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Server.on_finished, State.CONNECTED)},
    State.CONNECTED: {KeyUpdate: Step(Peer.on_key_update, State.CONNECTED)},
}
"""Of a server that asks for no certificate."""

SERVER_READS_CERTIFICATE: Table = {
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Server.on_client_hello, State.WAIT_CERTIFICATE)},
    State.WAIT_CERTIFICATE: {Certificate: Step(Peer.on_certificate, State.WAIT_CERTIFICATE_VERIFY)},
    State.WAIT_CERTIFICATE_VERIFY: {CertificateVerify: Step(Peer.on_certificate_verify, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: SERVER[State.WAIT_FINISHED],
    State.CONNECTED: SERVER[State.CONNECTED],
}  # RFC 8446 §A.2
