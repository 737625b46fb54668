"""All trials: each peer meets the control first, and then our TLS 1.3 with one more protection removed. EDGE.

The control is TLS 1.3 with every protection except client certificates, for which a public server does not ask. If the
peer does not exchange application data with it, nothing is concluded about this peer. The trial of CLIENT_IDENTITY is
the control itself.

    Would your client notice?     our server, weakened, and a well-known client, which is started for each trial
    Would your server notice?     our client, weakened, and a well-known server, which is started once
"""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.serialization import Encoding

from pki import names
from pki.errors import Problem, printable
from pki.keys import KeyType
from pki.store import ca
from pki.store.files import read_certificates, read_credential, read_crls
from pki.trust.environment import environment
from tlsdemo import net
from tlsdemo.lab.client import ClientCommand, fill, prepare, surroundings
from tlsdemo.lab.folder import own_folder
from tlsdemo.lab.peers import meeting
from tlsdemo.lab.peers.meeting import ABSENT, Meeting, MeetingEnd
from tlsdemo.lab.peers.programs import CERTIFICATE, CHAIN, CLIENTS, KEY, SERVERS
from tlsdemo.lab.presets import NOT_INHERITED, Preset
from tlsdemo.lab.process import Nursery, Ran
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls13.protocol import ALL, tls13

BASE = ALL - {Protection.CLIENT_IDENTITY}
"""The claims of the control."""
JOBS = 2  # trials at a time
PATIENCE = 20.0  # seconds for one trial
STARTING = 20.0  # seconds for a server to listen
LOOK = 0.02  # seconds between two attempts to connect to it
PAUSE = 1.0  # seconds in which a peer answers a record that it refuses
LIFETIME = 600.0  # seconds for a server


@dataclass(frozen=True)
class PeerTrial:
    """One peer, and our side without one protection."""

    removed: Protection
    meeting: Meeting

    @property
    def noticed(self) -> bool | None:
        """Whether no application data were exchanged; None if that shows nothing about the peer."""
        if self.meeting.end in (MeetingEnd.SILENT, MeetingEnd.ABSENT, MeetingEnd.UNFIT):
            return None
        return self.meeting.end is not MeetingEnd.EXCHANGED


@dataclass(frozen=True)
class PeerReport:
    """One peer, and all its trials."""

    name: str
    side: Side
    """The side of the peer."""
    version: str
    trials: tuple[PeerTrial, ...] = ()
    not_tested: str = ""
    """Why there are no trials: the control failed."""


OnTrial = Callable[[], None]
"""Called after each trial."""


@dataclass(frozen=True)
class Bench:
    """What all trials share: the folder of a CA, a folder for files, and the programs that run."""

    certs: Path
    folder: Path
    nursery: Nursery
    interrupted: threading.Event = field(default_factory=threading.Event)

    @property
    def ca_file(self) -> Path:
        """The peers' trust anchor."""
        return self.certs / "root.pem"

    def party(self, side: Side) -> Party:
        """Our side."""
        credential = read_credential(self.certs / "server.pem", self.certs / "server.key")
        return Party(
            clock=lambda: datetime.now(UTC),
            random=token_bytes,
            credential=credential if side is Side.SERVER else None,
            anchors=read_certificates(self.ca_file),
            crls=read_crls(self.certs / "crl.pem"),
            name=names.reference(HOST) if side is Side.CLIENT else None,
        )

    def new_folder(self) -> Path:
        """An empty folder for one peer."""
        return Path(tempfile.mkdtemp(prefix="peer-", dir=self.folder))

    def environment(self, preset: Preset, values: Mapping[str, str]) -> dict[str, str]:
        """The environment of this process, with the CA as the only trust anchor."""
        wanted = environment(self.ca_file, self.folder)
        inherited = surroundings(wanted.set, (*wanted.unset, *NOT_INHERITED))
        return inherited | {name: fill(value, values) for name, value in preset.environment.items()}


HOST = "localhost"
DAYS = 30  # of the temporary CA


@contextmanager
def open_bench(certs: Path | None) -> Iterator[Bench]:
    """A bench with the CA in this folder, or with a temporary one. All programs have ended after the `with` block."""
    with own_folder() as folder:
        nursery = Nursery()
        try:
            yield Bench(certs or _minted(folder / "certs"), folder, nursery)
        finally:
            nursery.close()


def _minted(folder: Path) -> Path:
    ca.init(
        folder,
        name=ca.DEFAULT_NAME,
        alternative_names=[names.parse(name) for name in ca.DEFAULT_SAN],
        key_type=KeyType.EC_P256,
        days=DAYS,
        now=datetime.now(UTC),
        existing=ca.Existing.REFUSE,
    )
    return folder


# All peers ------------------------------------------------------------------------------------------------------------


def missing(preset: Preset) -> str:
    """The program that the peer needs and this machine lacks; empty if it can run."""
    return next((program for program in preset.needs if not shutil.which(program)), "")


def run_all(
    bench: Bench,
    peers: Sequence[tuple[Side, str]],
    removed: Sequence[Protection],
    progress: OnTrial = lambda: None,
) -> list[PeerReport]:
    """The report of each peer, in this order. Each peer is a side and a name of CLIENTS or SERVERS."""
    with ThreadPoolExecutor(JOBS, thread_name_prefix="peer") as pool:
        jobs = [pool.submit(_run, bench, side, name, removed, progress) for side, name in peers]
        try:
            return [job.result() for job in jobs]
        except BaseException:  # Ctrl-C
            bench.interrupted.set()
            bench.nursery.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(bench: Bench, side: Side, name: str, removed: Sequence[Protection], progress: OnTrial) -> PeerReport:
    def counted() -> None:
        progress()
        if bench.interrupted.is_set():
            raise KeyboardInterrupt

    preset = (CLIENTS if side is Side.CLIENT else SERVERS)[name]
    start = _client if side is Side.CLIENT else _server
    try:
        with start(bench, ClientCommand(name, preset)) as (version, meet):
            return _report(PeerReport(name, side, version), meet, removed, counted)
    except Problem as problem:
        return PeerReport(name, side, "", not_tested=": ".join((problem.fact, *problem.evidence[:1])))


Meet = Callable[[Protocol, float | None], Meeting]
"""Runs one trial; with a pause, each protected record is sent alone."""


def _report(report: PeerReport, meet: Meet, removed: Sequence[Protection], progress: OnTrial) -> PeerReport:
    control = meet(tls13(BASE), None)
    progress()
    if control.end is not MeetingEnd.EXCHANGED:
        return replace(report, not_tested=f"the control failed: {told(control)}")
    trials = []
    for protection in removed:
        trials.append(PeerTrial(protection, _trial(meet, protection, control)))
        progress()
    return replace(report, trials=tuple(trials))


def _trial(meet: Meet, protection: Protection, control: Meeting) -> Meeting:
    if protection not in BASE:
        return control
    protocol = tls13(BASE - {protection})
    found = meet(protocol, None)
    if found.end is not MeetingEnd.EXCHANGED and found.sent_protected and not found.record:
        return meet(protocol, PAUSE)  # at which of these records?
    return found


def told(met: Meeting) -> str:
    """The meeting in a few words."""
    if met.end is MeetingEnd.ALERTED:
        return f"the peer sent the alert {met.alert}{_at(met)}"
    if met.end is MeetingEnd.CLOSED:
        return str(met.end.value) + _at(met)
    if met.end is MeetingEnd.FAILED:
        return f"this side sent the alert {met.alert}{_at(met)}: {met.why}"
    return str(met.end.value) + (f": {met.why}" if met.why else "")


def _at(met: Meeting) -> str:
    return f" at the server's protected record {met.record}" if met.record else ""


# Clients --------------------------------------------------------------------------------------------------------------


@contextmanager
def _client(bench: Bench, client: ClientCommand) -> Iterator[tuple[str, Meet]]:
    fixed = {"ca": str(bench.ca_file), "dir": str(bench.new_folder()), "python": sys.executable}
    version = prepare(client, bench.nursery, bench.environment(client.preset, fixed), fixed)
    party = bench.party(Side.SERVER)
    answered_control: list[bool] = []

    def meet(protocol: Protocol, pause: float | None) -> Meeting:
        met, ran = _visited(bench, client, fixed, protocol, party, pause)
        answered = meeting.TOKEN.decode() in ran.out
        if not answered_control:
            answered_control.append(answered)
        if met.end is MeetingEnd.EXCHANGED and answered_control[0] and not answered:
            return replace(met, end=MeetingEnd.CLOSED)  # it sent its request, and did not take the answer
        return met

    yield version, meet


def _visited(
    bench: Bench,
    client: ClientCommand,
    fixed: Mapping[str, str],
    protocol: Protocol,
    party: Party,
    pause: float | None,
) -> tuple[Meeting, Ran]:
    """Run the client once against our server, on a port of its own."""
    found: list[Meeting] = []
    listener = net.listen()
    handle = meeting.with_clients(lambda: protocol.server(party), found.append, PATIENCE, pause)
    loop = net.AcceptLoop(listener, handle)
    thread = threading.Thread(target=loop.run, name="weakened server")
    thread.start()
    port = listener.port
    values = {**fixed, "host": HOST, "port": str(port), "url": f"https://{HOST}:{port}/"}
    try:
        ran = bench.nursery.run(
            client.command(values, is_address=False),
            bench.environment(client.preset, values),
            fill(client.preset.stdin, values),
            PATIENCE,
        )
        loop.settle(PATIENCE, port)
    finally:
        loop.stop()
        thread.join()
    exchanged = next((each for each in found if each.end is MeetingEnd.EXCHANGED), None)
    return exchanged or (found[0] if found else ABSENT), ran


# Servers --------------------------------------------------------------------------------------------------------------


@contextmanager
def _server(bench: Bench, server: ClientCommand) -> Iterator[tuple[str, Meet]]:
    """Start the server; it ends after the `with` block. Problem if it does not listen."""
    folder, port = bench.new_folder(), _free_port()
    _write_credential(bench.certs, folder)
    values = {"dir": str(folder), "port": str(port), "python": sys.executable, "ca": str(bench.ca_file)}
    surrounded = bench.environment(server.preset, values)
    version = prepare(server, bench.nursery, surrounded, values)
    nursery = Nursery()
    ended: list[str] = []

    def run() -> None:
        try:
            ran = nursery.run(server.command(values, is_address=False), surrounded, "", LIFETIME)
            ended.append(ran.err.strip() or ran.out.strip())
        except Problem as problem:
            ended.append(problem.fact)

    thread = threading.Thread(target=run, name=f"server {server.name}")
    thread.start()
    party = bench.party(Side.CLIENT)
    try:
        _await(port, ended)
        yield version, lambda protocol, pause: meeting.with_server(port, protocol.client(party), PATIENCE, pause)
    finally:
        nursery.close()
        thread.join()


def _free_port() -> int:
    listener = net.listen(("127.0.0.1",))
    listener.close()
    return listener.port


def _write_credential(certs: Path, folder: Path) -> None:
    credential = read_credential(certs / "server.pem", certs / "server.key")
    (folder / CERTIFICATE).write_bytes(credential.chain_pem)
    (folder / CHAIN).write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in credential.issuers))
    (folder / KEY).touch(0o600)
    (folder / KEY).write_bytes(credential.key_pem)


def _await(port: int, ended: Sequence[str]) -> None:
    """Wait until the server listens. Problem if it ends, or if it takes too long."""
    end = time.monotonic() + STARTING
    while True:
        try:
            net.dial(net.Address("127.0.0.1", port)).close()
            return
        except Problem:
            if ended:
                raise Problem("the server ended", *map(printable, ended[0].splitlines()[-1:])) from None
            if time.monotonic() > end:
                raise
        time.sleep(LOOK)
