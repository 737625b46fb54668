"""What the scenes share: the stage, a claim that was just seen, servers that really listen. EDGE."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from cryptography import x509

from pki import Credential, names
from pki.errors import Problem
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo import net
from tlsdemo.credentials.folder import self_signed
from tlsdemo.events import Closed, Event, Refused
from tlsdemo.protocol import Party
from tlsdemo.report.terminal import Screen
from tlsdemo.tls import client
from tlsdemo.tls.context import Verify, client_context, server_context
from tlsdemo.tls.server import serve

REMEDY = "`tlsdemo tour --certs NEW` plays with a temporary PKI, if this one is no longer as it was made"
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
    asking: Party = field(init=False)
    answering: Party = field(init=False)
    """Client and server, for the conversations in memory."""
    he: Credential = field(init=False)
    """What he can make by himself: a certificate for the server's names that vouches for itself."""

    def __post_init__(self) -> None:
        self.server = read_credential(self.certs / "server.pem", self.certs / "server.key")
        self.rogue = read_credential(self.certs / "rogue/server.pem", self.certs / "rogue/server.key")
        self.client = read_credential(self.certs / "client.pem", self.certs / "client.key")
        self.root = read_certificates(self.certs / "root.pem")
        self.crls = read_crls(self.certs / "crl.pem")
        wanted = [names.plain(each) for each in names.readable(self.server.certificate)]
        self.he = self_signed(self.root[0], wanted)
        self.asking = self._party(self.client, names.reference(self.name))
        self.answering = self._party(self.server, None)

    def _party(self, credential: Credential, name: x509.GeneralName | None) -> Party:
        return Party(lambda: datetime.now(UTC), token_bytes, credential, self.root, self.crls, name)

    @property
    def name(self) -> str:
        """The name that the client asks for: the first that the server's certificate has."""
        return names.plain(names.readable(self.server.certificate)[0]).replace("*", "www")


def claim(seen: bool, otherwise: str) -> None:
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

    async def handle(connection: net.Connection) -> None:
        events.put(await serve(connection, context, events.put))

    server = net.AcceptLoop(net.listen(("127.0.0.1",)), handle)
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
