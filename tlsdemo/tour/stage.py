"""What the scenes share: the stage, a claim that was just seen, servers that really listen. EDGE."""

import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from cryptography import x509

from pki import Credential, names
from pki.errors import Problem
from pki.store.files import read_certificates, read_credential, read_crls
from tlsdemo import net
from tlsdemo.application import Talk, facts, of_client
from tlsdemo.credentials.folder import Folder
from tlsdemo.credentials.kinds import SELF_SIGNED
from tlsdemo.events import Closed, Ending, Event, Refused, Said
from tlsdemo.protocol import Party, Side
from tlsdemo.report.terminal import Screen
from tlsdemo.tls import client, errors, server
from tlsdemo.tls.context import Verify, client_context, server_context

REMEDY = "run `tlsdemo tour` in an empty folder: it then uses a temporary CA"
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
    self_signed: Credential = field(init=False)
    """A self-signed certificate for the server's names: the attacker can make one."""

    def __post_init__(self) -> None:
        self.server = read_credential(self.certs / "server.pem", self.certs / "server.key")
        self.rogue = read_credential(self.certs / "rogue/server.pem", self.certs / "rogue/server.key")
        self.client = read_credential(self.certs / "client.pem", self.certs / "client.key")
        self.root = read_certificates(self.certs / "root.pem")
        self.crls = read_crls(self.certs / "crl.pem")
        self.self_signed = Folder(self.certs).credential(SELF_SIGNED)
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
    """Serve one client with `credential` on a free port of 127.0.0.1, while the `with` block lasts."""
    listener = net.listen(("127.0.0.1",))
    running = Live(net.Address("127.0.0.1", listener.port), queue.Queue())
    conversation = _Conversation(running.events)
    thread = threading.Thread(target=conversation.hold, args=(listener, server_context(credential)), name="server")
    thread.start()
    try:
        yield running
    finally:
        with suppress(Problem):  # if no client has come, this connection ends accept()
            net.dial(running.address).close()
        thread.join()
        listener.close()


class _Conversation:
    """One conversation of `tls.server`, as the events that a scene tells."""

    def __init__(self, events: "queue.Queue[Event]") -> None:
        self._events = events
        self._peer = ""
        self._talk = Talk(())
        self._received = 0

    def hold(self, listener: net.Listener, context: ssl.SSLContext) -> None:
        """Accept the first client, and serve it."""
        (accepting,) = listener.sockets
        accepting.settimeout(PATIENCE)
        try:
            plain, (host, port) = accepting.accept()
        except TimeoutError:
            return
        self._peer = f"{host}:{port}"
        try:
            server.serve(plain, context, self._answer, PATIENCE, self._on_connected)
            self._events.put(Closed(self._peer, Ending.ANSWERED, self._received))
        except OSError as error:
            alert = errors.alert(error) if isinstance(error, ssl.SSLError) else None
            by = Side.CLIENT if alert else Side.SERVER
            self._events.put(Refused(self._peer, by, alert, errors.sentence(error), self._received))

    def _on_connected(self, tls: ssl.SSLSocket) -> None:
        agreed = of_client(self._peer, tls.version() or "?", (tls.cipher() or ("?",))[0], None)
        self._events.put(agreed)
        self._talk = Talk(facts(agreed))

    def _answer(self, line: bytes) -> bytes:
        self._received += len(line) + 1
        answer = self._talk.receive(line + b"\n") or b""
        if self._talk.message is not None:
            self._events.put(Said(self._peer, self._talk.message))
        return answer


def say(address: net.Address, stage: Stage, verify: Verify = Verify.EVERYTHING) -> str:
    """A client says the message; the answer's first line. The client's errors come out as they are."""
    context = client_context(stage.root, crls=stage.crls, verify=verify)
    with net.dial(address) as plain, client.wrap(plain, context, stage.name) as tls:
        return client.ask(tls, MESSAGE).decode().splitlines()[0]
