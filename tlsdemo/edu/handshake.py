"""The educational handshake: it makes an encrypted channel, and proves to the client who the server is.

    Client                                                   Server

    ClientHello
      name of the server, ciphers offered,
      random number, key share          -------->
                                                        ServerHello
                                                          cipher chosen,
                                                          random number, key share
                                                        Certificate         *
                                                        CertificateVerify   *
                                        <--------       Finished
    Certificate        **
    CertificateVerify  **
    Finished                            -------->
    [application data]                  <------->       [application data]

     *  from the rung `signed` on       **  from the rung `mutual` on       [ ]  in records, under the channel's keys

Read it beside RFC 8446 §2: the same messages in the same order, for the same reasons, in lines of JSON. TLS does more:
it negotiates more (§4.1, and EncryptedExtensions), encrypts all that follows ServerHello (§7.1), asks for the client's
certificate with a message (§4.3.2), resumes (§2.2), and renews its keys (§4.6.3).

No step in this module tests which rung it belongs to. A rung is built of these steps and of `Parts` (`protocol`), and a
protection is removed by replacing one part (`edu.weak`). Lines, records and errors are in `machine`.
"""

import hmac
from collections.abc import Sequence

from pki import Credential
from tlsdemo import trust
from tlsdemo.driver import State, Step, Table
from tlsdemo.edu import authentication
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import Certificate, CertificateVerify, ClientHello, Finished, ServerHello
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError, Violation

RANDOM = 32  # bytes


class Peer(Machine):
    """The steps that client and server have in common: each proves its identity, and checks the proof of the other."""

    def on_certificate(self, message: Certificate, before: bytes) -> None:
        """Read the peer's certificate chain and judge it (§4.4.2)."""
        self.peer_chain = trust.read_chain(message.chain)
        self.verdict = self.parts.judge(self.peer_chain, self.party, self.side.other, self.parts.checks)

    def on_certificate_verify(self, message: CertificateVerify, before: bytes) -> None:
        """Check that the peer has the certificate's private key (§4.4.3).

        A certificate is public, so that an attacker can present a copy. The signature covers this conversation, and
        only the owner of the key can make it.
        """
        authentication.check_signature(
            self.peer_chain[0], message.signature, authentication.signed_content(self.side.other, before)
        )

    def check_finished(self, message: Finished, before: bytes) -> None:
        """Check that the peer has the same secret and saw the same messages (§4.4.4): a changed message is detected."""
        expected = self.parts.verify_data(self.secrets.finished[self.side.other], before)
        if not hmac.compare_digest(message.verify_data, expected):  # in constant time: it is derived from a secret
            sender, receiver = self.side.other.value, self.side.value
            detail = f"the {sender}'s Finished does not match the messages that the {receiver} saw"
            raise ProtocolError(Violation.BAD_FINISHED, detail)

    def finish(self) -> None:
        """Send the proofs of identity that this rung has, and Finished."""
        for send_proof in self.parts.prove[self.side]:
            send_proof(self)
        self.say(Finished(self.parts.verify_data(self.secrets.finished[self.side], self.transcript_hash())))
        self.has_finished()


def draw_secret(peer: Machine) -> int:
    """A new secret for this conversation, deleted with it: that is forward secrecy (§E.1)."""
    return peer.parts.group.draw(peer.party.random)


def draw_random(peer: Machine) -> bytes:
    """32 random bytes. They make each conversation different, so that a recorded one cannot be replayed (§4.1.2)."""
    return peer.party.random(RANDOM)


def present_certificate(peer: Machine) -> None:
    """Send Certificate: the claim who this side is (§4.4.2)."""
    peer.say(Certificate(trust.ders(_credential(peer))))


def sign_transcript(peer: Machine) -> None:
    """Send CertificateVerify: the proof that this side has the certificate's private key (§4.4.3)."""
    content = authentication.signed_content(peer.side, peer.transcript_hash())
    peer.say(CertificateVerify(authentication.sign(_credential(peer).key, content)))


def _credential(peer: Machine) -> Credential:
    if peer.party.credential is None:
        raise ProtocolError(Violation.NO_CERTIFICATE, f"this rung requires one from the {peer.side.value}")
    return peer.party.credential


class Client(Peer):
    """WAIT_SERVER_HELLO -> (WAIT_CERTIFICATE -> WAIT_CERTIFICATE_VERIFY ->) WAIT_FINISHED -> CONNECTED."""

    side = Side.CLIENT
    begins_with = State.WAIT_SERVER_HELLO

    def begin(self) -> None:
        """Draw a secret, and send ClientHello with the key share that belongs to it."""
        self.draw()
        self.server_name = str(self.party.name.value) if self.party.name else ""
        group, offers = self.parts.group, tuple(self.parts.ciphers)
        share = group.public(self.secret)
        self.say(ClientHello(self.rung, self.server_name, offers, self.random, group.name, share))

    def on_server_hello(self, message: ServerHello, before: bytes) -> None:
        """Compute the shared secret from the server's key share, and all keys from that secret."""
        if message.cipher not in self.parts.ciphers:
            raise ProtocolError(MessageViolation.OTHER_CIPHER, repr(message.cipher))
        self.cipher = message.cipher
        self.agree(self.parts.group.shared(self.secret, message.share), self.random, message.random)

    def on_finished(self, message: Finished, before: bytes) -> None:
        """Check the server's Finished, and send the client's own. The application may send from here on."""
        self.check_finished(message, before)
        self.finish()


class Server(Peer):
    """WAIT_CLIENT_HELLO -> (WAIT_CERTIFICATE -> WAIT_CERTIFICATE_VERIFY ->) WAIT_FINISHED -> CONNECTED."""

    side = Side.SERVER
    begins_with = State.WAIT_CLIENT_HELLO

    def on_client_hello(self, message: ClientHello, before: bytes) -> None:
        """Choose a cipher, draw a secret, and send the server's whole flight: ServerHello to Finished."""
        group = self.parts.group
        if message.group != group.name:
            raise ProtocolError(
                MessageViolation.OTHER_GROUP, f"the client {message.group[:40]!r}, the server {group.name[:40]!r}"
            )
        self.server_name = message.server_name
        self.cipher = self.choose(message.ciphers)
        self.draw()
        share, shared = group.answer(self.secret, message.share)
        self.agree(shared, message.random, self.random)
        self.say(ServerHello(self.rung, self.cipher, self.random, share))
        self.finish()

    def choose(self, offers: Sequence[str]) -> str:
        """The first of this side's ciphers that the client offers: the server's order decides (§4.1.1)."""
        for cipher in self.parts.ciphers:
            if cipher in offers:
                return cipher
        raise ProtocolError(MessageViolation.NO_CIPHER, ", ".join(offers)[:200])

    def on_finished(self, message: Finished, before: bytes) -> None:
        """Check the client's Finished. The application receives data only after it."""
        self.check_finished(message, before)


# Which message each state waits for, which step handles it, and which state follows -----------------------------------

CLIENT: Table = {
    State.WAIT_SERVER_HELLO: {ServerHello: Step(Client.on_server_hello, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Client.on_finished, State.CONNECTED)},
}
"""Of a client whose server presents no certificate."""

SERVER: Table = {
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Server.on_client_hello, State.WAIT_FINISHED)},
    State.WAIT_FINISHED: {Finished: Step(Server.on_finished, State.CONNECTED)},
}
"""Of a server whose client presents no certificate."""

PEER_CERTIFICATE: Table = {
    State.WAIT_CERTIFICATE: {Certificate: Step(Peer.on_certificate, State.WAIT_CERTIFICATE_VERIFY)},
    State.WAIT_CERTIFICATE_VERIFY: {CertificateVerify: Step(Peer.on_certificate_verify, State.WAIT_FINISHED)},
}
"""The states that a side adds when its peer presents a certificate."""

CLIENT_READS_CERTIFICATE: Table = {
    State.WAIT_SERVER_HELLO: {ServerHello: Step(Client.on_server_hello, State.WAIT_CERTIFICATE)},
    **PEER_CERTIFICATE,
    State.WAIT_FINISHED: CLIENT[State.WAIT_FINISHED],
}  # RFC 8446 §A.1

SERVER_READS_CERTIFICATE: Table = {
    State.WAIT_CLIENT_HELLO: {ClientHello: Step(Server.on_client_hello, State.WAIT_CERTIFICATE)},
    **PEER_CERTIFICATE,
    State.WAIT_FINISHED: SERVER[State.WAIT_FINISHED],
}  # RFC 8446 §A.2
