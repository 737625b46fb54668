"""`tlsdemo serve`: read the credential, listen, and tell each conversation as it happens. EDGE."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from pki import Credential
from pki.console import note
from pki.errors import ExitCode, Problem, cannot
from pki.transaction import recover
from tlsdemo import net
from tlsdemo.commands.lines import introduction
from tlsdemo.commands.protocols import (
    TLS,
    Claims,
    agrees_with_its_certificate,
    educational,
    forbid_for_tls,
    party,
    rung,
)
from tlsdemo.commands.reporter import Reporter
from tlsdemo.commands.settings import Settings
from tlsdemo.credentials import credential, from_files, revocation_lists, stranger_to_be_trusted, trust
from tlsdemo.edu import live
from tlsdemo.edu.machine import nobody_watches
from tlsdemo.events import Closed, Ending, Event, Listening, Silent
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls.context import server_context
from tlsdemo.tls.server import serve as converse

Conversation = Callable[[net.Connection], Event]


def serve(settings: Settings) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    recover(settings.certs)
    report = Reporter(settings.as_json)
    shown, talk = _over_tls(settings, report) if settings.protocol == TLS else _over_edu(settings, report)
    endings: list[Event | None] = []

    def handle(connection: net.Connection) -> None:
        ending = None
        try:
            ending = talk(connection)
            report(ending)
        finally:  # a conversation that a fault of ours has ended is a conversation, too
            if settings.once:
                endings.append(ending)
            if settings.once or report.failure:
                server.stop()

    listener = net.listen(settings.hosts or net.DEFAULT_HOSTS, settings.port)
    server = net.Server(listener, handle, on_silent=lambda peer, seconds: report(Silent(peer, seconds)))
    with net.until_signalled(server):
        for host in listener.without:
            note(f"this machine has no {host}: listening on {', '.join(listener.hosts)} alone")
        report(Listening(settings.protocol, listener.hosts[0], listener.port))
        if not settings.as_json:
            report.say(*introduction(settings, shown, listener))
        if report.failure:
            server.stop()  # nobody can read where it listens
        server.run()
    if report.failure:
        raise cannot("write the output", report.failure)
    return _once(endings[0]) if settings.once and endings else ExitCode.YES


def _once(ending: Event | None) -> ExitCode:
    """What --once answers: whether the client was answered; CANNOT where the conversation broke off in this program."""
    if ending is None:
        return ExitCode.CANNOT
    return ExitCode.YES if isinstance(ending, Closed) and ending.ending is Ending.ANSWERED else ExitCode.NO


def _over_tls(settings: Settings, report: Reporter) -> tuple[Credential, Conversation]:
    forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
    if settings.explain:
        hint = "`tlsdemo connect --explain` tells what can be told; --keylog FILE lets Wireshark tell the rest"
        raise Problem("a TLS server has nothing to explain: `ssl` hides the steps", hint=hint, code=ExitCode.USAGE)
    shown = _shown(settings)
    context = server_context(
        shown,
        client_trust=trust(settings.certs) if settings.require_client_cert else (),
        crls=revocation_lists(settings.certs) if settings.require_client_cert else (),
        keylog=settings.keylog,
    )
    return shown, lambda connection: converse(connection, context, report)


def _over_edu(settings: Settings, report: Reporter) -> tuple[Credential | None, Conversation]:
    claims = rung(settings.protocol, settings.without)
    _forbid(settings, claims)
    agrees = agrees_with_its_certificate(claims)
    shown = _shown(settings) if Protection.POSSESSION in claims or agrees else None
    if agrees and shown and not (isinstance(shown.key, ec.EllipticCurvePrivateKey) and shown.key.key_size == 256):
        fact = "without forward secrecy the server agrees with the key of its certificate, and needs one of P-256"
        raise Problem(fact, hint="`pki init` in a new folder makes one", code=ExitCode.USAGE)
    identifies = Protection.CLIENT_IDENTITY in claims
    anchors = trust(settings.certs) if identifies else ()
    crls = revocation_lists(settings.certs) if identifies else ()
    if identifies and not crls:
        claims -= {Protection.REVOCATION}
        note(f"not checked: whether a client was revoked; there is no {settings.certs / 'crl.pem'}")
    watch = report.explain if settings.explain else nobody_watches
    protocol = educational(claims, Side.SERVER, group=settings.group, story=settings.story, watch=watch)
    own = party(shown, anchors, crls)
    return shown, lambda connection: live.serve(connection, protocol, own, report)


def _forbid(settings: Settings, claims: Claims) -> None:
    """Options that have no place in this rung."""
    name = settings.protocol
    if settings.keylog:
        raise Problem("--keylog is for TLS", hint="--explain shows each step", code=ExitCode.USAGE)
    if settings.require_client_cert:
        raise Problem("--require-client-cert is for TLS", hint="--protocol mutual asks for one", code=ExitCode.USAGE)
    if settings.explain and settings.as_json:
        raise Problem("--explain is for people, --json for programs", hint="choose one", code=ExitCode.USAGE)
    if Protection.POSSESSION not in claims and (settings.cert or settings.credential != "server"):
        raise Problem(f"{name} shows no certificate", hint="--protocol signed, ca or mutual", code=ExitCode.USAGE)


def _shown(settings: Settings) -> Credential:
    if settings.cert:
        return from_files(settings.cert, settings.key, "`pki issue NAME` makes one")
    if settings.credential == "stranger":
        return stranger_to_be_trusted(settings.certs)
    return credential(settings.credential, settings.certs)
