"""The educational handshake: two who never met come to a channel, and know whom they have on it.

    Client                                                   Server

    ClientHello
      whom I look for, ciphers to choose
      from, a random number, my half of
      the key agreement                 -------->
                                                        ServerHello
                                                          my choice, a random
                                                          number, my half
                                                        Certificate         *
                                                        CertificateVerify   *
                                        <--------       Finished
    Certificate        **
    CertificateVerify  **
    Finished                            -------->
    [what they have to say]             <------->       [what they have to say]

     *  from the rung `signed` on       **  the rung `mutual`       [ ]  in records, under keys of the channel

Read it beside RFC 8446 §2: the same messages in the same order, for the same reasons, in lines of JSON. What TLS has
beyond this: more to choose from (§4.1, and EncryptedExtensions), it encrypts all that follows ServerHello (§7.1), asks
for the client's certificate with a message (§4.3.2), resumes (§2.2), and renews its keys (§4.6.3).

This is the strong path, and there is no switch in it. A rung does without something by replacing one of its parts: see
`edu.weak`, where each replacement says what is lost by it. Lines, records and errors are in `machine`.
"""

import hmac
from collections.abc import Sequence

from tlsdemo.edu import authentication
from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.machine import Machine, State, Step, Table
from tlsdemo.edu.messages import Certificate, CertificateVerify, ClientHello, Finished, ServerHello
from tlsdemo.protocol import Side

RANDOM = 32  # bytes


class Peer(Machine):
    """What client and server do alike: each shows who it is, and looks at what it is shown."""

    def on_certificate(self, message: Certificate, before: bytes) -> None:
        """Who does it say it is, and who vouches for that? (§4.4.2)"""
        self.peer_chain = authentication.read_chain(message.chain)
        self.verdict = self.parts.judge(self.peer_chain, self.party, self.side.other, self.parts.checks)

    def on_certificate_verify(self, message: CertificateVerify, before: bytes) -> None:
        """Has it the key? A certificate is public: anybody can show it, only one can sign this very conversation."""
        authentication.check_signature(
            self.peer_chain[0], message.signature, authentication.signed_content(self.side.other, before)
        )

    def check_finished(self, message: Finished, before: bytes) -> None:
        """Has it the same secret, and seen the same messages? Whoever changed one of them on the way is found here."""
        expected = self.parts.verify_data(self.secrets.finished[self.side.other], before)
        if not hmac.compare_digest(message.verify_data, expected):  # in constant time: it comes of a secret
            raise ProtocolError(Violation.BAD_FINISHED, "its Finished does not fit the messages that came here")

    def finish(self) -> None:
        """Show who I am, if this rung wants it, and that I saw what I saw."""
        self.parts.prove[self.side](self)
        self.say(Finished(self.parts.verify_data(self.secrets.finished[self.side], self.transcript_hash())))
        self.has_finished()


def draw_secret(peer: Machine) -> int:
    """A fresh one for each conversation, forgotten with it: that is forward secrecy (§E.1)."""
    return peer.parts.group.draw(peer.party.random)


def draw_random(peer: Machine) -> bytes:
    """So that no conversation is like any other, and none can be played back (§4.1.2)."""
    return peer.party.random(RANDOM)


def prove(peer: Machine) -> None:
    """Certificate and CertificateVerify: here is who I am, and here is the proof that it is me (§4.4.2, §4.4.3)."""
    credential = peer.party.credential
    if credential is None:
        raise ProtocolError(Violation.NO_CERTIFICATE, f"this rung wants one of the {peer.side.value}")
    peer.say(Certificate(authentication.ders(credential)))
    peer.say(
        CertificateVerify(
            authentication.sign(credential.key, authentication.signed_content(peer.side, peer.transcript_hash()))
        )
    )


class Client(Peer):
    """WAIT_SERVER_HELLO -> WAIT_CERTIFICATE -> WAIT_CERTIFICATE_VERIFY -> WAIT_FINISHED -> CONNECTED."""

    side = Side.CLIENT
    begins_with = State.WAIT_SERVER_HELLO

    def begin(self) -> None:
        """I draw a secret, and send what it makes of the common number; the secret stays with me."""
        self.draw()
        self.server_name = str(self.party.name.value) if self.party.name else ""
        group, offers = self.parts.group, tuple(self.parts.ciphers)
        share = group.public(self.secret)
        self.say(ClientHello(self.rung, self.server_name, offers, self.random, group.name, share))

    def on_server_hello(self, message: ServerHello, before: bytes) -> None:
        """Its half and my secret: from here on both have what nobody else can have, if it is who I think it is."""
        if message.cipher not in self.parts.ciphers:
            raise ProtocolError(Violation.OTHER_CIPHER, repr(message.cipher))
        self.cipher = message.cipher
        self.agree(self.parts.group.shared(self.secret, message.share), self.random, message.random)

    def on_finished(self, message: Finished, before: bytes) -> None:
        """All is as I saw it. Now the same from me, and then what I came to say."""
        self.check_finished(message, before)
        self.finish()


class Server(Peer):
    """WAIT_CLIENT_HELLO -> (WAIT_CERTIFICATE -> WAIT_CERTIFICATE_VERIFY ->) WAIT_FINISHED -> CONNECTED."""

    side = Side.SERVER
    begins_with = State.WAIT_CLIENT_HELLO

    def on_client_hello(self, message: ClientHello, before: bytes) -> None:
        """Somebody calls: I choose, draw a secret of my own, answer, show who I am, and sum up."""
        group = self.parts.group
        if message.group != group.name:
            raise ProtocolError(
                Violation.OTHER_GROUP, f"the client in {message.group[:40]!r}, the server in {group.name[:40]!r}"
            )
        self.server_name = message.server_name
        self.cipher = self.choose(message.ciphers)
        self.draw()
        share, shared = group.answer(self.secret, message.share)
        self.agree(shared, message.random, self.random)
        self.say(ServerHello(self.rung, self.cipher, self.random, share))
        self.finish()

    def choose(self, offers: Sequence[str]) -> str:
        """The best of mine that is offered: my order counts (§4.1.1)."""
        for cipher in self.parts.ciphers:
            if cipher in offers:
                return cipher
        raise ProtocolError(Violation.NO_CIPHER, ", ".join(offers)[:200])

    def on_finished(self, message: Finished, before: bytes) -> None:
        """The client saw the same as I did. Only now may it speak."""
        self.check_finished(message, before)


CLIENT: Table = {
    State.WAIT_SERVER_HELLO: {ServerHello: Step(Client.on_server_hello, State.WAIT_CERTIFICATE)},
    State.WAIT_CERTIFICATE: {Certificate: Step(Client.on_certificate, State.WAIT_CERTIFICATE_VERIFY)},
    State.WAIT_CERTIFICATE_VERIFY: {CertificateVerify: Step(Client.on_certificate_verify, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Client.on_finished, State.CONNECTED)},
}  # RFC 8446 §A.1

SERVER: Table = {
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Server.on_client_hello, State.WAIT_CERTIFICATE)},
    State.WAIT_CERTIFICATE: {Certificate: Step(Server.on_certificate, State.WAIT_CERTIFICATE_VERIFY)},
    State.WAIT_CERTIFICATE_VERIFY: {CertificateVerify: Step(Server.on_certificate_verify, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Server.on_finished, State.CONNECTED)},
}  # RFC 8446 §A.2
