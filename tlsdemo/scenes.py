"""The scenes of the tour: each one plays live, on loopback, while it is told. EDGE.

A verdict is told only if what it claims was just seen (`_claim`); otherwise the tour ends with what was seen.
"""

import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki import Credential, compare, names
from pki.console import CERTS
from pki.errors import Problem
from pki.files import read_certificates, read_credential, read_crls
from pki.signed import subject
from tlsdemo import bench, net
from tlsdemo.events import Agreed, Closed, Event, Refused, Said
from tlsdemo.protocol import Side
from tlsdemo.report.terminal import Screen
from tlsdemo.tls import client, refusal
from tlsdemo.tls.context import Verify, client_context, server_context
from tlsdemo.tls.server import serve
from tlsdemo.wire.records import records

REMEDY = "`pki init --force`, if the PKI is no longer as it was made"
MESSAGE = "my important message: the key is under the mat"
PATIENCE = 10.0  # seconds; everything here takes milliseconds


@dataclass
class Stage:
    """What the scenes share: where to tell, and the PKI they play with."""

    screen: Screen
    certs: Path
    made_now: float | None
    """Seconds that minting took, where there was no PKI beforehand."""
    server: Credential = field(init=False)
    rogue: Credential = field(init=False)
    client: Credential = field(init=False)
    root: tuple[x509.Certificate, ...] = field(init=False)
    crls: tuple[x509.CertificateRevocationList, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.server = read_credential(self.certs / "server.pem", self.certs / "server.key")
        self.rogue = read_credential(self.certs / "rogue/server.pem", self.certs / "rogue/server.key")
        self.client = read_credential(self.certs / "client.pem", self.certs / "client.key")
        self.root = read_certificates(self.certs / "root.pem")
        self.crls = read_crls(self.certs / "crl.pem")

    @property
    def name(self) -> str:
        """The name that the client asks for: the first that the server's certificate has."""
        return names.plain(names.readable(self.server.certificate)[0]).replace("*", "www")


@dataclass(frozen=True)
class Scene:
    """A title, what to guess beforehand, and what happens."""

    title: str
    question: str
    play: Callable[[Stage], None]


def _claim(seen: bool, otherwise: str) -> None:
    """Nothing is claimed that was not just seen."""
    if not seen:
        raise Problem(f"the tour stops here: {otherwise}", hint=REMEDY)


# Conversations ------------------------------------------------------------------------------------------------------


@dataclass
class Live:
    """A server that really listens, and what it reports."""

    address: net.Address
    events: "queue.Queue[Event]"

    def conversation(self) -> list[Event]:
        """The events up to the end of one conversation."""
        seen: list[Event] = []
        while not seen or not isinstance(seen[-1], Closed | Refused):
            seen.append(self.events.get(timeout=PATIENCE))
        return seen


@contextmanager
def live(credential: Credential) -> Iterator[Live]:
    """Serve with `credential` on a free port of 127.0.0.1 while this lasts."""
    context = server_context(credential)
    events: queue.Queue[Event] = queue.Queue()
    server = net.Server(
        net.listen(("127.0.0.1",)), lambda connection: events.put(serve(connection, context, events.put))
    )
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        yield Live(net.Address("127.0.0.1", server.listener.port), events)
    finally:
        server.stop()
        thread.join()


def say(address: net.Address, stage: Stage, verify: Verify = Verify.EVERYTHING) -> str:
    """A client says the message; the answer's first line. The client's errors come out as they are."""
    context = client_context(stage.root, crls=stage.crls, verify=verify)
    with net.dial(address) as plain, client.wrap(plain, context, stage.name) as tls:
        return client.ask(tls, MESSAGE).decode().splitlines()[0]


# Scenes -------------------------------------------------------------------------------------------------------------


def the_pki_appears(stage: Stage) -> None:
    """A third party that both already know."""
    screen = stage.screen
    screen.say(
        """The two cannot recognise each other by arithmetic alone. So somebody whom both already know vouches: an
        authority, which signs statements. `pki init` makes one."""
    )
    if stage.made_now is None:
        screen.show("found", f"{stage.certs}/, made earlier by `pki init`")
    else:
        screen.show("minted", f"just now, in {stage.made_now * 1000:.0f} ms, for this tour only")
    screen.show("root.pem", f"{subject(stage.root[0])}: the client has this, beforehand")
    issuer = stage.server.issuers[0] if stage.server.issuers else stage.root[0]
    screen.show("server.pem", f"{', '.join(names.plain(n) for n in names.readable(stage.server.certificate))}")
    screen.show("", f"signed by {subject(issuer)}, whom the root vouches for")
    screen.show("rogue/server.pem", "the same names; signed by somebody who calls himself the root")
    screen.good("One file, root.pem, known beforehand. It need not be secret; it must only be the right one.")


def server_and_client_talk(stage: Stage) -> None:
    """The good case, on a real socket."""
    screen = stage.screen
    screen.say("A server with server.pem, a client with root.pem, one message. Real TLS, on a real socket.")
    with live(stage.server) as server:
        answer = say(server.address, stage)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("both agreed on", f"{version}, {cipher}")
                case Said(_, text):
                    screen.show("the server heard", text)
    screen.show("the client read", answer)
    _claim(MESSAGE in answer, "the answer does not repeat the message")
    screen.good("Delivered and answered: first the proof, then the message. `tlsdemo connect --explain` tells it all.")


def what_the_wire_shows(stage: Stage) -> None:
    """The same conversation, with somebody listening on the line."""
    screen = stage.screen
    screen.say("The same again, and somebody listens to every byte on the line. What does he get?")
    with live(stage.server) as server, net.Tap(server.address) as tap:
        say(net.Address("127.0.0.1", tap.port), stage)
        server.conversation()
    sent, came = tap.bytes_from(Side.CLIENT), tap.bytes_from(Side.SERVER)
    screen.show("from the client", _envelopes(sent))
    screen.show("from the server", _envelopes(came))
    length = len(MESSAGE.encode()) + 1 + 1 + 16  # + newline + inner content type (RFC 8446 §5.2) + AEAD tag
    for record in records(sent):
        if record.content_type == 23 and len(record.fragment) == length:
            screen.show("its record", f"17 03 03 {length:04x}  {record.fragment[:12].hex(' ')} …")
            screen.show("", f"17: data; 03 03: version, always so; {length:04x}: {length} bytes; then ciphertext")
    screen.show("the message", _seen(MESSAGE.encode(), sent + came))
    screen.show("the name asked for", _seen(stage.name.encode(), sent))
    der = stage.server.certificate.public_bytes(Encoding.DER)
    screen.show("the certificate", _seen(der, sent + came))
    _claim(MESSAGE.encode() not in sent + came, "the message passed the line in the clear")
    screen.good("He learns who talks to whom, when, and how much. Not what.")


def _envelopes(stream: bytes) -> str:
    found = list(records(stream))
    kinds = dict.fromkeys(record.name for record in found)
    sizes = {kind: ", ".join(str(len(each.fragment)) for each in found if each.name == kind) for kind in kinds}
    return f"{len(found)} records, in bytes: " + "; ".join(f"{kind} {sizes[kind]}" for kind in kinds)


def _seen(what: bytes, where: bytes) -> str:
    return f"in the clear, at byte {where.index(what)}" if what in where else "not to be found"


def the_rogue(stage: Stage) -> None:
    """Another server, a perfect-looking certificate."""
    screen = stage.screen
    screen.say(
        """Now the attacker answers instead of the server. He cannot have the server's key, but he can print any
        certificate he likes: the same names, an authority of the same name, the same key identifier."""
    )
    received = None
    with live(stage.rogue) as server:
        try:
            say(server.address, stage)
        except ssl.SSLCertVerificationError as error:
            screen.show("the client says", refusal.sentence(error))
        for event in server.conversation():
            if isinstance(event, Refused):
                received = event.application_bytes
                screen.show("the rogue hears", event.reason)
                screen.show("and received", f"{received} bytes of the message")
    _claim(received == 0, "the rogue was not refused, or received something")
    screen.good("Refused, before a single byte of the message was sent.")


def nobody_checks(stage: Stage) -> None:
    """The same rogue, and a client that was told not to look."""
    screen = stage.screen
    screen.say("The same rogue again. But this client was told verify=False, because `it did not work otherwise`.")
    heard: str | None = None
    with live(stage.rogue) as server:
        say(server.address, stage, Verify.NOTHING_FOR_THE_DEMO)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("both agreed on", f"{version}, {cipher}")
                case Said(_, text):
                    heard = text
                    screen.show("the rogue heard", text)
    _claim(heard == MESSAGE, "the rogue did not hear the message")
    screen.bad("The rogue wins. The cipher is as strong as before: it protects the talk with the wrong one.")


def spot_the_difference(stage: Stage) -> None:
    """`pki diff certs/root.pem certs/rogue/ca.pem`."""
    screen = stage.screen
    screen.say("Could a careful person have seen it? Here are the two authorities, side by side:")
    shown = CERTS if stage.made_now is not None else stage.certs
    screen.command(f"pki diff {shown / 'root.pem'} {shown / 'rogue/ca.pem'}")
    fields = compare.difference(stage.root[0], read_certificates(stage.certs / "rogue/ca.pem")[0])
    screen.show("same", ", ".join(each.label for each in fields if each.same))
    different = {each.label for each in fields if not each.same}
    screen.show("different", ", ".join(each.label for each in fields if not each.same))
    _claim(different <= compare.ARITHMETIC, "there is a difference that can be seen")
    screen.good("You cannot see the difference, only arithmetic can: whose key signed it?")


def what_checks_cost(stage: Stage) -> None:
    """Handshakes in memory, with one check more each time."""
    screen = stage.screen
    screen.say("Is it left out because it is expensive? One full handshake, in memory, with one check more each time:")
    plain = server_context(stage.server)
    asking = server_context(stage.server, client_trust=stage.root, crls=stage.crls)
    root, crls = stage.root, stage.crls
    setups = [
        bench.Setup("nothing is checked", client_context(root, verify=Verify.NOTHING_FOR_THE_DEMO), plain),
        bench.Setup("+ the chain, the dates", client_context(root, verify=Verify.ANY_NAME_FOR_THE_DEMO), plain),
        bench.Setup("+ the name", client_context(root), plain),
        bench.Setup("+ the revocation lists", client_context(root, crls=crls), plain),
        bench.Setup("+ the client proves itself", client_context(root, crls=crls, credential=stage.client), asking),
    ]
    costs = bench.handshakes(setups, stage.name)
    table = [("", "client", "server", "both, relative")]
    base = costs[0].client + costs[0].server
    for cost in costs:
        ratio = (cost.client + cost.server) / base
        table.append((cost.title, f"{cost.client * 1e6:.0f} µs", f"{cost.server * 1e6:.0f} µs", f"{ratio:.2f}"))
    screen.rows(table)
    price = (costs[1].client - costs[0].client) * 1e6
    if price > 0:  # on a busy machine the noise may be larger
        screen.good(f"The check that stops the rogue cost {price:.0f} µs in this run, once for each connection.")


SCENES = (
    Scene("The third party", "how many files must a client have before it can recognise a server?", the_pki_appears),
    Scene("Server and client talk", "what is sent first: the message, or the proof?", server_and_client_talk),
    Scene("What the wire shows", "what can somebody on the line still read?", what_the_wire_shows),
    Scene("The rogue", "all names are right. What gives him away?", the_rogue),
    Scene("The same rogue, and a client that checks nothing", "is the line still encrypted?", nobody_checks),
    Scene("Spot the difference", "in which fields do the two authorities differ?", spot_the_difference),
    Scene("What each check costs", "by how much does checking slow a handshake down?", what_checks_cost),
)
