"""`tlsdemo explain`: a conversation byte by byte, of a connection made now or of a capture. EDGE."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki import names
from pki.console import remark
from pki.errors import ExitCode, Problem
from pki.store.files import open_file, read_file, read_key
from pki.store.output import SECRET, Output
from tlsdemo import net
from tlsdemo.attack.world import World
from tlsdemo.cli.explaining import explained, style
from tlsdemo.cli.protocol_options import TLS, TLS13, own_tls, party, rung
from tlsdemo.cli.protocol_options import educational as educational_protocol
from tlsdemo.cli.recording import Keys, Over, Recorder
from tlsdemo.cli.target import DEFAULT_MESSAGE, ConnectOptions, Target, Wants, resolve, wants
from tlsdemo.credentials.minted import Mint
from tlsdemo.driver import Driver, Moment
from tlsdemo.edu.machine import Machine as EducationalMachine
from tlsdemo.edu.protocol import CA, edu
from tlsdemo.explain import educational
from tlsdemo.explain.as_data import as_data
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.by_hand import numbers
from tlsdemo.explain.conversation import Entry, Explanation, Own
from tlsdemo.explain.failure import Trust
from tlsdemo.explain.text import lines
from tlsdemo.protocol import Endpoint, Protection, Side
from tlsdemo.report import html
from tlsdemo.tls.context import Ciphers, Verify, client_context
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.tls13.machine import Machine
from tlsdemo.tls13.side_by_side import Moments, markdown, rows
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import captures, key_log
from tlsdemo.wire.captures import Connection
from tlsdemo.wire.key_log import KeyLog

PATIENCE = 3.0  # seconds to wait for the answer to the request


@dataclass(frozen=True)
class ExplainOptions:
    """The options of the command."""

    target: ConnectOptions
    tls12: bool
    capture: Path | None
    keylog: Path | None
    server_key: Path | None
    only: str | None
    as_attacker: bool
    brief: bool
    der: bool
    as_json: bool
    trust_given: bool
    by_hand: int | None
    """The number of the record, from 1, whose numbers are printed."""
    side_by_side: bool
    html: Path | None
    save: Path | None
    force: bool

    @property
    def prints(self) -> bool:
        """Whether something is printed: --html replaces the text alone."""
        return self.html is None or self.as_json or self.side_by_side or self.by_hand is not None


def explain_command(settings: ExplainOptions) -> int:
    """Print the explanation, or write the page. Returns 0, or 1 if the conversation failed."""
    page = Output(settings.html, "--html", html.is_ours, settings.force, mode=SECRET) if settings.html else None
    if page:
        page.check()
    saved = Output(settings.save, "--save", _is_ours, settings.force, mode=SECRET) if settings.save else None
    if saved:
        saved.check()
    found = _of_capture(settings) if settings.capture else iter([_live(settings, saved)])
    if page:
        whole = list(found)
        _write(page, whole, settings)
        found = iter(whole)
    failed = False
    for number, (title, explanation) in enumerate(found):
        failed |= explanation.ending.failed
        if settings.prints:
            _print(title, explanation, settings, is_first=number == 0)
    return ExitCode.NO if failed else ExitCode.YES


def _print(title: str, explanation: Explanation, settings: ExplainOptions, *, is_first: bool) -> None:
    if settings.by_hand is not None:
        _by_hand(explanation, settings.by_hand)
    elif settings.side_by_side:
        _side_by_side(explanation)
    elif settings.as_json:
        print(json.dumps(as_data(explanation, as_attacker=settings.as_attacker), indent=2))
    else:
        if title:
            print(("" if is_first else "\n") + title)
        wide = style(sys.stdout, brief=settings.brief, der=settings.der)
        for line in lines(explanation, wide, as_attacker=settings.as_attacker):
            print(line)


def _write(page: Output, found: list[tuple[str, Explanation]], settings: ExplainOptions) -> None:
    made = f"Made by tlsdemo explain on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    page.write(as_page(found, made, as_attacker=settings.as_attacker))
    why = "" if settings.as_attacker else ", since it has secrets of the connection"
    remark(f"written: {page.path} (mode 0600{why})")


def _by_hand(explanation: Explanation, number: int) -> None:
    """Print the numbers of one record."""
    records = explanation.dissection.records
    if not 1 <= number <= len(records):
        hint = f"the conversation has {len(records)} records"
        raise Problem(f"--by-hand {number}: no such record", hint=hint, code=ExitCode.USAGE)
    found = list(numbers(explanation.dissection, explanation.secrets, number - 1))
    if not found:
        hint = "choose a record that is encrypted, and whose key is known"
        raise Problem(f"record {number} has no numbers to compute with", hint=hint, code=ExitCode.NO)
    for name, value in found:
        print(f"{name}\n  {value}")


def _side_by_side(explanation: Explanation) -> None:
    """Print the educational handshake `ca`, run now, beside this conversation."""
    mint = Mint(datetime.now(UTC), lambda: ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number)
    world, of_edu = World.create(mint, token_bytes), Moments()
    protocol = edu(CA, watch=of_edu)
    world.converse(protocol.client(world.client), protocol.server(world.server), None, world.lines)
    of_tls = Moments([Moment(Side(each.sender), each.value) for each in explanation.dissection.messages])
    print(markdown(rows(of_edu, of_tls)), end="")


# A capture ----------------------------------------------------------------------------------------------------------


MAX_KEY_LOG = 64 << 20  # bytes


def _of_capture(settings: ExplainOptions) -> Iterator[tuple[str, Explanation]]:
    """The connections of the capture, one after the other: a large file need not fit into memory."""
    assert settings.capture
    hint = "give the RSA key of the server's certificate"
    server_key = read_key(settings.server_key, hint) if settings.server_key else None
    trust = _trust(settings)
    with open_file(settings.capture, "give a pcap or pcapng file") as file:
        try:
            capture = captures.read(captures.FileSource(file))
        except captures.CaptureError as error:
            raise Problem(f"{settings.capture} cannot be read: {error}", hint="give a pcap or pcapng file") from None
        text = capture.key_log
        if settings.keylog:
            hint = "give a key log (SSLKEYLOGFILE)"
            text += read_file(settings.keylog, hint, MAX_KEY_LOG).decode("utf-8", "replace")
        keys = key_log.parse(text) if text else None
        for problem in (*capture.problems, *_malformed(keys)):
            remark(f"note: {problem}")
        for number, each in _chosen(capture.connections, settings):
            found = explained(each, keys, trust, server_key=server_key, as_attacker=settings.as_attacker)
            yield f"connection {number}: {_called(each)}", found


def _malformed(keys: KeyLog | None) -> Iterator[str]:
    for malformed in (keys.malformed if keys else ())[:3]:
        yield f"line {malformed.number} of the key log is skipped: {malformed.reason}"


def _called(connection: Connection) -> str:
    return f"{connection.client} to {connection.server}"


def _chosen(connections: tuple[Connection, ...], settings: ExplainOptions) -> list[tuple[int, Connection]]:
    """The connections that --filter names: a number, or HOST:PORT of one end. Raises Problem if there are none."""
    chosen = [
        (number, each)
        for number, each in enumerate(connections, start=1)
        if settings.only is None or settings.only in {str(number), str(each.client), str(each.server)}
    ]
    if not connections:
        raise Problem(f"{settings.capture} has no TCP connection with data", hint="capture with `tcpdump -s 0 -w FILE`")
    if not chosen:
        hint = f"connections: {', '.join(map(_called, connections[:LISTED]))}" + ", ..." * (len(connections) > LISTED)
        raise Problem(f"no connection matches --filter {settings.only}", hint=hint)
    return chosen


LISTED = 10  # connections in a hint


def _trust(settings: ExplainOptions) -> Trust | None:
    """What the client of a capture trusts and asks for, as far as --trust and --name say it."""
    if not settings.trust_given and not settings.target.name:
        return None
    target = resolve(settings.target, Wants.TRUST if settings.trust_given else Wants.NOTHING)
    return Trust(target.anchors, target.crls, target.name if settings.target.name else None)


# A connection -------------------------------------------------------------------------------------------------------


def _is_ours(data: bytes) -> bool:
    """Whether a file is a capture with a key log, as --save writes it."""
    try:
        return bool(captures.read(data).key_log)
    except captures.CaptureError:
        return False


def _live(settings: ExplainOptions, saved: Output | None) -> tuple[str, Explanation]:
    """Connect, send a request, and explain what passed; save it as a capture, if that is asked for."""
    target = _target(settings)
    over: list[Over] = []
    entries: list[Entry] = []
    recorder = Recorder(Side.CLIENT, Keys(), None, over.append)
    try:
        endpoint = _endpoint(settings, target, recorder.keys, entries)
        with net.dial(target.address) as plain:
            _converse(net.Link(recorder.begin(plain).socket, endpoint), settings, target)
    finally:
        recorder.finish()
    if not over:
        raise Problem(f"{target.address} did not take all that was sent", hint="start `tlsdemo explain` again")
    connection, keys = over[0].connection, over[0].keys
    if saved:
        saved.write(captures.write([connection], keys))
        remark(f"written: {saved.path} (mode 0600, since it has the keys of the connection)")
    if settings.target.protocol not in (TLS, TLS13):
        assert isinstance(endpoint, Driver)
        chunks = [(each.sender, each.data) for each in connection.chunks]
        return _called(connection), educational.explanation(entries, endpoint, chunks)
    trust = Trust(target.anchors, target.crls, target.name) if target.anchors else None
    known = Own(endpoint.shared, endpoint.group.name) if isinstance(endpoint, Machine) and endpoint.group else None
    return _called(connection), explained(
        connection, over[0].key_log, trust, own=known, as_attacker=settings.as_attacker
    )


def _target(settings: ExplainOptions) -> Target:
    """The address and, if there are trust anchors, what to trust."""
    if settings.target.protocol not in (TLS, TLS13):
        return resolve(settings.target, wants(rung(settings.target.protocol)))
    if settings.trust_given or settings.target.trust.exists():
        return resolve(settings.target, Wants.TRUST)
    remark(f"note: the certificate is not verified, since {settings.target.trust} does not exist; see --trust")
    return resolve(settings.target, Wants.NOTHING)


def _endpoint(settings: ExplainOptions, target: Target, keys: Keys, entries: list[Entry]) -> Endpoint:
    """The client. The educational handshake adds its entries while it runs."""
    known = target.credential, target.anchors, target.crls, target.name
    name = settings.target.protocol
    if name == TLS:
        verify = Verify.EVERYTHING if target.anchors else Verify.NOTHING_FOR_THE_DEMO
        ciphers = Ciphers.GOOD_1_2 if settings.tls12 else Ciphers.GOOD
        context = client_context(
            target.anchors,
            crls=target.crls,
            credential=target.credential,
            verify=verify,
            ciphers=ciphers,
            keylog=keys.path,
        )
        return TlsEndpoint(Side.CLIENT, context, names.plain(target.name), Closing.STRICT)
    claims = rung(name)
    if not target.crls:
        claims -= {Protection.REVOCATION}
    if name == TLS13:
        claims -= frozenset() if target.credential else {Protection.CLIENT_IDENTITY}
        claims -= frozenset() if target.anchors else {Protection.CHAIN}
        return own_tls(claims, group=settings.target.group, log=keys.log).client(party(*known))
    explainer = educational.Explainer()

    def watch(machine: EducationalMachine, moment: Moment) -> None:
        entries.extend(explainer.entries(machine, moment))

    protocol = educational_protocol(
        claims, Side.CLIENT, group=settings.target.group, story=settings.target.story, watch=watch
    )
    return protocol.client(party(*known))


def _converse(link: net.Link, settings: ExplainOptions, target: Target) -> None:
    """The handshake, a request and its answer, the close. Errors of the peer end it: the bytes tell what happened."""
    with suppress(OSError, ProtocolError):  # an SSLError is an OSError
        link.handshake(time.monotonic() + net.HANDSHAKE_DEADLINE)
        link.send(_request(settings, target), time.monotonic() + PATIENCE)
        until = time.monotonic() + PATIENCE
        while link.receive(until):
            pass
    link.close(time.monotonic() + 1.0)


def _request(settings: ExplainOptions, target: Target) -> bytes:
    if settings.target.message is not None:
        return settings.target.message.encode() + b"\n"
    if settings.target.protocol not in (TLS, TLS13):
        return DEFAULT_MESSAGE.encode() + b"\n"
    host = names.plain(target.name)
    return f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
