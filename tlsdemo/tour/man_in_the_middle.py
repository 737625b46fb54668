"""The man in the middle, and the trusted third party that stops the attack: the educational handshake, in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pki import Credential, names
from pki.copied import Copied
from pki.errors import printable
from pki.objects.distinguished_names import subject
from tlsdemo.attack.interceptor import Interceptor, Read
from tlsdemo.conversation import Outcome, converse
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.protocol import CA, DH, SIGNED, edu
from tlsdemo.protocol import Flight, Protocol, Side
from tlsdemo.tour.stage import Stage, claim

ORDER = b"PAY 100 to Alice\n"
LINE = [(Side.CLIENT, ORDER)]
ALTER = {b"PAY 100 to Alice": b"PAY 900 to Mallory"}


def attack(
    stage: Stage, protocol: Protocol, credential: Credential | None, alter: Mapping[bytes, bytes] = ALTER
) -> tuple[Interceptor, Outcome]:
    """The client orders a payment while the attacker is in the middle; prints what the attacker does."""

    def tell(read: Read) -> None:
        if read.sender is Side.CLIENT:
            stage.screen.show("attacker reads", printable(read.said.decode().strip()))
            stage.screen.show("attacker sends on", printable(read.passed_on.decode().strip()))

    his = replace(stage.asking, credential=credential)
    interceptor = Interceptor({Side.CLIENT: protocol.server(his), Side.SERVER: protocol.client(his)}, alter, tell)
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), interceptor, LINE)
    if outcome.client.error:
        stage.screen.show("the client reports", str(outcome.client.error))
    stage.screen.show("the server receives", printable(outcome.server.delivered.decode().strip()) or "nothing")
    return interceptor, outcome


def man_in_the_middle(stage: Stage) -> None:
    """Rung `dh`."""
    screen = stage.screen
    screen.say(
        """The second problem: who is at the other end? The handshake is Diffie-Hellman as before, but now the attacker
        answers. It runs one handshake with the client and another one with the server:"""
    )
    screen.show("the client sends", ORDER.decode().strip())
    interceptor, outcome = attack(stage, edu(DH), None)
    ends = outcome.client, outcome.server
    shared = [end.shared.hex()[:8] for end in ends if isinstance(end, Machine)]
    screen.show("the client's secret", f"{shared[0]}…, shared with the attacker")
    screen.show("the server's secret", f"{shared[1]}…, shared with the attacker")
    claim(
        interceptor.read[Side.CLIENT] == ORDER and b"900" in outcome.server.delivered,
        "the attacker did not get in between",
    )
    claim(not outcome.client.error and not outcome.server.error, "client or server noticed the attack")
    screen.bad("Both channels are encrypted correctly. Both end at the attacker, and neither side notices.")
    screen.say(
        """No calculation can detect this. Everything that the two sides know about each other came over a connection
        that the attacker controls. They need something that they knew before."""
    )


def any_certificate(stage: Stage) -> None:
    """Rung `signed`."""
    screen = stage.screen
    screen.say(
        """Now the server presents a certificate and signs the handshake with its key. The attacker copies the
        certificate:"""
    )
    protocol = edu(SIGNED)
    copied = Copied(stage.self_signed.key, stage.server.certificate, stage.server.issuers)
    _, outcome = attack(stage, protocol, copied)
    claim(outcome.client.error is not None and not outcome.server.delivered, "the copy was accepted")
    screen.good("Prevented: a certificate is public, but its private key is not.")
    screen.say("So the attacker creates a certificate with the same name and a key of its own:")
    interceptor, outcome = attack(stage, protocol, stage.self_signed)
    claim(interceptor.read[Side.CLIENT] == ORDER and not outcome.client.error, "the attacker's certificate was refused")
    screen.bad(
        "The signature is valid, and the peer is the attacker: this client does not check who issued the certificate."
    )


def the_third_party(stage: Stage) -> None:
    """Rung `ca`, without an attacker."""
    screen = stage.screen
    screen.say(
        """A third party that the client already trusts must certify the server. `pki init` creates one: a certificate
        authority (CA). It signs statements of the form "this key belongs to this name"."""
    )
    if stage.made_now is None:
        screen.show("found", f"{stage.certs}/, created earlier by `pki init`")
    else:
        screen.show("created", f"just now, in {stage.made_now * 1000:.0f} ms, for this tour only")
    screen.show("root.pem", f"{subject(stage.root[0])}: the client has this file from the start")
    issuer = stage.server.issuers[0] if stage.server.issuers else stage.root[0]
    screen.show("server.pem", f"{', '.join(names.plain(n) for n in names.readable(stage.server.certificate))}")
    screen.show("", f"signed by {subject(issuer)}")
    screen.show("rogue/server.pem", "the same names; signed by a CA that uses the root's name")
    protocol = edu(CA)
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), lines=LINE)
    claim(outcome.server.delivered == ORDER, f"the client does not accept the server: {outcome.client.error}")
    screen.show("the client asks for", f"{stage.name}: name, validity and signatures are right; not revoked")
    screen.good("One file is enough: root.pem. It is not secret, but it must be the right one.")


def the_rogue_in_the_middle(stage: Stage) -> None:
    """Rung `ca`."""
    screen = stage.screen
    screen.say("The attacker presents the rogue certificate to a client that checks who signed it:")
    protocol = edu(CA)
    interceptor, outcome = attack(stage, protocol, stage.rogue)
    claim(bool(outcome.client.error) and not interceptor.read[Side.CLIENT], "the rogue certificate was not refused")
    screen.good("Refused before any byte of the order was sent.")
    screen.say(
        "The attacker can still change bytes that it cannot read. It changes one hex digit of the encrypted order:"
    )
    flipper = BitFlipper()
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), flipper, LINE)
    screen.show("original", f"…{flipper.before}")
    screen.show("changed to", f"…{flipper.after}")
    screen.show("the server reports", str(outcome.server.error))
    noticed = bool(outcome.server.error) and not outcome.server.delivered
    claim(noticed and bool(flipper.before), "the server accepted the changed record")
    screen.good(
        "Detected. The attacker can still delay records, cut the connection, and see the length of each record."
    )


@dataclass
class BitFlipper:
    """Changes the last hex digit of the first record that the client sends."""

    before: str = field(default="", init=False)
    after: str = field(default="", init=False)

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Pass everything on; change the first application record."""
        data = flight.data
        if flight.line == 1 and not self.before:
            at = data.rindex(b'"') - 1
            digit = b"0" if data[at : at + 1] != b"0" else b"1"
            changed = data[:at] + digit + data[at + 1 :]
            self.before, self.after = data[at - 15 : at + 1].decode(), changed[at - 15 : at + 1].decode()
            data = changed
        return [(flight.sender.other, data)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """Pass the end of the stream on."""
        return [sender.other]
