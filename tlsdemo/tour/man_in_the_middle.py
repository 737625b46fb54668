"""The man in the middle, and the third party that stops him: the educational handshake, in memory."""

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
    """The client orders a payment, with him in the middle; what he did is shown."""

    def tell(read: Read) -> None:
        if read.sender is Side.CLIENT:
            stage.screen.show("he reads", printable(read.said.decode().strip()))
            stage.screen.show("he passes on", printable(read.passed_on.decode().strip()))

    his = replace(stage.asking, credential=credential)
    interceptor = Interceptor({Side.CLIENT: protocol.server(his), Side.SERVER: protocol.client(his)}, alter, tell)
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), interceptor, LINE)
    if outcome.client.error:
        stage.screen.show("the client says", str(outcome.client.error))
    stage.screen.show("the server hears", printable(outcome.server.delivered.decode().strip()) or "nothing")
    return interceptor, outcome


def man_in_the_middle(stage: Stage) -> None:
    """Rung `dh`."""
    screen = stage.screen
    screen.say(
        """The second problem. Diffie-Hellman as before, but now he answers: to the client he is the server, to the
        server the client, and he negotiates with each of them:"""
    )
    screen.show("the client says", ORDER.decode().strip())
    interceptor, outcome = attack(stage, edu(DH), None)
    ends = outcome.client, outcome.server
    shared = [end.shared.hex()[:8] for end in ends if isinstance(end, Machine)]
    screen.show("the client's secret", f"{shared[0]}…, shared with him")
    screen.show("the server's secret", f"{shared[1]}…, shared with him")
    claim(interceptor.read[Side.CLIENT] == ORDER and b"900" in outcome.server.delivered, "he did not get in")
    claim(not outcome.client.error and not outcome.server.error, "somebody noticed")
    screen.bad("Two perfect channels, both to the wrong one, and nobody has noticed.")
    screen.say(
        """No arithmetic can help. All that the two know of each other came over this line, and all of it can be his.
        Something must be known beforehand."""
    )


def any_certificate(stage: Stage) -> None:
    """Rung `signed`."""
    screen = stage.screen
    screen.say("So the server shows a certificate, and signs this conversation with its key. He copies it:")
    protocol = edu(SIGNED)
    copied = Copied(stage.he.key, stage.server.certificate, stage.server.issuers)
    _, outcome = attack(stage, protocol, copied)
    claim(outcome.client.error is not None and not outcome.server.delivered, "the copy was taken")
    screen.good("A certificate is public; its key is not.")
    screen.say("So he makes one of his own, with the same name and a key that he has:")
    interceptor, outcome = attack(stage, protocol, stage.he)
    claim(interceptor.read[Side.CLIENT] == ORDER and not outcome.client.error, "his own certificate was refused")
    screen.bad("Signed, and still the wrong one: this client asks nobody whether it is true.")


def the_third_party(stage: Stage) -> None:
    """A third party that both already know."""
    screen = stage.screen
    screen.say(
        """Somebody whom both already know must vouch: a trusted third party makes the music. `pki init` makes one, an
        authority. It signs statements: this key belongs to this name."""
    )
    if stage.made_now is None:
        screen.show("found", f"{stage.certs}/, made earlier by `pki init`")
    else:
        screen.show("minted", f"just now, in {stage.made_now * 1000:.0f} ms, for this tour only")
    screen.show("root.pem", f"{subject(stage.root[0])}: the client has this, beforehand")
    issuer = stage.server.issuers[0] if stage.server.issuers else stage.root[0]
    screen.show("server.pem", f"{', '.join(names.plain(n) for n in names.readable(stage.server.certificate))}")
    screen.show("", f"signed by {subject(issuer)}")
    screen.show("rogue/server.pem", "the same names; signed by somebody who calls himself the root")
    protocol = edu(CA)
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), lines=LINE)
    claim(outcome.server.delivered == ORDER, f"the client does not accept the server: {outcome.client.error}")
    screen.show(
        "the client asks for", f"{stage.name}: the name, the dates, the signatures are right; nobody took it back"
    )
    screen.good("One file, root.pem, known beforehand. It need not be secret; it must only be the right one.")


def the_rogue_in_the_middle(stage: Stage) -> None:
    """Rung `ca`."""
    screen = stage.screen
    screen.say("He tries the rogue's certificate, against a client that asks who vouches for it:")
    protocol = edu(CA)
    interceptor, outcome = attack(stage, protocol, stage.rogue)
    claim(bool(outcome.client.error) and not interceptor.read[Side.CLIENT], "the rogue was not refused")
    screen.good("Refused, before a single byte of the order was sent.")
    screen.say("What is left to him? To change what he cannot read. One hex digit of the sealed order:")
    meddler = Meddler()
    outcome = converse(protocol.client(stage.asking), protocol.server(stage.answering), meddler, LINE)
    screen.show("it was", f"…{meddler.before}")
    screen.show("he makes it", f"…{meddler.after}")
    screen.show("the server says", str(outcome.server.error))
    noticed = bool(outcome.server.error) and not outcome.server.delivered
    claim(noticed and bool(meddler.before), "the server took the changed record")
    screen.good("Noticed. He can still delay the records, cut the line, and see how long each record is.")


@dataclass
class Meddler:
    """Changes the last hex digit of the first thing that the client says."""

    before: str = field(default="", init=False)
    after: str = field(default="", init=False)

    def on_data(self, flight: Flight) -> Iterable[tuple[Side, bytes]]:
        """Only in the first line that is not the handshake."""
        data = flight.data
        if flight.line == 1 and not self.before:
            at = data.rindex(b'"') - 1
            digit = b"0" if data[at : at + 1] != b"0" else b"1"
            changed = data[:at] + digit + data[at + 1 :]
            self.before, self.after = data[at - 15 : at + 1].decode(), changed[at - 15 : at + 1].decode()
            data = changed
        return [(flight.sender.other, data)]

    def on_eof(self, sender: Side) -> Iterable[Side]:
        """As it comes."""
        return [sender.other]
