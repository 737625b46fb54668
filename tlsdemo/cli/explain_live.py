"""`tlsdemo explain` of a connection that is made now: connect, record, send a request. EDGE."""

import time
from contextlib import suppress

from pki import names
from pki.console import remark
from pki.errors import Problem
from pki.store.output import Output, written
from tlsdemo import net
from tlsdemo.cli.explain import ExplainOptions, called
from tlsdemo.cli.explaining import explained
from tlsdemo.cli.protocol_options import TLS, TLS13, own_tls, party, rung, wants
from tlsdemo.cli.protocol_options import educational as educational_protocol
from tlsdemo.cli.recording import Keys, Over, Recorder
from tlsdemo.cli.target import DEFAULT_MESSAGE, Target, Wants, resolve
from tlsdemo.driver import Driver, Moment
from tlsdemo.edu.machine import Machine as EducationalMachine
from tlsdemo.explain import educational
from tlsdemo.explain.conversation import Entry, Explanation, Own
from tlsdemo.explain.failure import Trust
from tlsdemo.protocol import Endpoint, Protection, Side
from tlsdemo.tls.context import Ciphers, Verify, client_context
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.tls13.machine import Machine
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import captures

PATIENCE = 3.0  # seconds to wait for the answer to the request


def explain_live(settings: ExplainOptions, saved: Output | None) -> tuple[str, Explanation]:
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
        remark(written(saved.path, "keys of the connection" if keys else ""))
    if settings.target.protocol not in (TLS, TLS13):
        assert isinstance(endpoint, Driver)
        chunks = [(each.sender, each.data) for each in connection.chunks]
        return called(connection), educational.explanation(entries, endpoint, chunks)
    trust = Trust(target.anchors, target.crls, target.name) if target.anchors else None
    known = Own(endpoint.shared, endpoint.group.name) if isinstance(endpoint, Machine) and endpoint.group else None
    return called(connection), explained(
        connection, over[0].key_log, trust, own=known, side="client", as_attacker=settings.as_attacker
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
