"""`tlsdemo explain` of a connection that is made now: connect, record, send a request. EDGE."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

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
from tlsdemo.cli.target import BEHIND, DEFAULT_MESSAGE, Target, Wants, resolve
from tlsdemo.driver import Driver, Moment
from tlsdemo.edu.machine import Machine as EducationalMachine
from tlsdemo.explain import educational
from tlsdemo.explain.conversation import Entry, Explanation, Own
from tlsdemo.explain.failure import Ending, Trust
from tlsdemo.first_bytes import may_be_tls
from tlsdemo.protocol import Endpoint, Protection, Side
from tlsdemo.tls import errors
from tlsdemo.tls.context import Ciphers, Verify, client_context
from tlsdemo.tls.endpoint import Closing, TlsEndpoint
from tlsdemo.tls13.machine import Machine
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import captures
from tlsdemo.wire.records import Sender

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
            error = _converse(net.Link(recorder.begin(plain).socket, endpoint), settings, target)
    finally:
        recorder.finish()
        if saved and over:  # also if this program is interrupted
            saved.write(captures.write([over[0].connection], over[0].keys))
    if not over:
        raise Problem(f"{target.address} did not take all that was sent", hint="start `tlsdemo explain` again")
    connection, keys = over[0].connection, over[0].keys
    if saved:
        remark(written(saved.path, "keys of the connection" if keys else ""))
    if settings.target.protocol not in (TLS, TLS13):
        assert isinstance(endpoint, Driver)
        chunks = [(each.sender, each.data) for each in connection.chunks]
        found = educational.explanation(entries, endpoint, chunks)
        return called(connection), _with_error(found, target, endpoint, error, chunks)
    trust = Trust(target.anchors, target.crls, target.name) if target.anchors else None
    known = Own(endpoint.shared, endpoint.group.name) if isinstance(endpoint, Machine) and endpoint.group else None
    found = explained(connection, over[0].key_log, trust, own=known, side="client", as_attacker=settings.as_attacker)
    chunks = [(each.sender, each.data) for each in connection.chunks[:LOOKED_AT]]
    return called(connection), _with_error(found, target, endpoint, error, chunks)


LOOKED_AT = 10  # chunks, for the first bytes of the server


def _with_error(
    found: Explanation,
    target: Target,
    endpoint: Endpoint,
    error: OSError | ProtocolError | None,
    chunks: Sequence[tuple[Sender, bytes]],
) -> Explanation:
    """The explanation of a handshake that did not end, and without an alert that says why."""
    first = b"".join(data for sender, data in chunks if sender == "server")
    is_tls = bool(first) and (may_be_tls(first) or isinstance(endpoint, EducationalMachine))
    if error is None or (found.ending.failed and is_tls):
        return found
    if isinstance(error, TimeoutError):
        how, hint = f"{target.address} did not answer within {net.HANDSHAKE_DEADLINE:g} s", errors.hint(error)
    elif first and not is_tls:
        shown = errors.NotTls(first)
        how, hint = f"{target.address} did not complete a TLS handshake: {shown}", errors.hint(shown)
    elif not first or isinstance(error, ProtocolError) or errors.is_gone(error):
        how, hint = f"{target.address} closed the connection during the handshake", BEHIND
    else:
        how, hint = f"{target.address} did not complete a TLS handshake: {errors.sentence(error)}", errors.hint(error)
    return replace(found, ending=Ending(True, (how,), hint))


def _target(settings: ExplainOptions) -> Target:
    """The address and, if there are trust anchors, what to trust."""
    if settings.target.protocol not in (TLS, TLS13):
        return resolve(settings.target, wants(rung(settings.target.protocol, settings.target.without)))
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
    claims = rung(name, settings.target.without)
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


def _converse(link: net.Link, settings: ExplainOptions, target: Target) -> OSError | ProtocolError | None:
    """The handshake, a request and its answer, the close. The error of the handshake, if it was not completed."""
    try:
        link.handshake(time.monotonic() + net.HANDSHAKE_DEADLINE)
    except (OSError, ProtocolError) as error:  # an SSLError is an OSError
        return error
    finally:
        if not link.endpoint.accepted:
            link.close(time.monotonic() + 1.0)
    with suppress(OSError, ProtocolError):  # the bytes tell what happened
        link.send(_request(settings, target), time.monotonic() + PATIENCE)
        until = time.monotonic() + PATIENCE
        while link.receive(until):
            pass
    link.close(time.monotonic() + 1.0)
    return None


def _request(settings: ExplainOptions, target: Target) -> bytes:
    if settings.target.message is not None:
        return settings.target.message.encode() + b"\n"
    if settings.target.protocol not in (TLS, TLS13):
        return DEFAULT_MESSAGE.encode() + b"\n"
    host = names.plain(target.name)
    return f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
