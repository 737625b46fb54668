"""`tlsdemo serve`: read the credential, listen, and tell each conversation as it happens. EDGE."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki import Credential
from pki.errors import ExitCode, Problem
from pki.store.output import prepare_key_log
from pki.store.transaction import notice_half_done
from tlsdemo import net
from tlsdemo.cli.listening import ListeningCommand, bind
from tlsdemo.cli.protocol_options import (
    TLS,
    Claims,
    agrees_with_its_certificate,
    educational,
    forbid_for_tls,
    party,
    rung,
)
from tlsdemo.cli.reloading import Fresh
from tlsdemo.cli.reporter import Reporter
from tlsdemo.cli.serve_banner import introduction
from tlsdemo.cli.serve_options import ServeOptions
from tlsdemo.credentials import kinds
from tlsdemo.credentials.folder import Folder, from_files
from tlsdemo.edu import server as edu_server
from tlsdemo.edu.machine import nobody_watches
from tlsdemo.events import Closed, Ending, Event, Listening, Silent, Warned
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls.connection import keylog_lost
from tlsdemo.tls.connection import serve as converse
from tlsdemo.tls.context import server_context

Conversation = Callable[[net.Connection], net.Handling[Event]]


def serve(settings: ServeOptions) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    notice_half_done(settings.certs)
    report = Reporter(settings.as_json)
    shown, talk = _over_tls(settings, report) if settings.protocol == TLS else _over_edu(settings, report)
    command = ListeningCommand(report, once=settings.once)

    async def handle(connection: net.Connection) -> None:
        result = ExitCode.CANNOT  # in case that a bug, or the end of the server, ends the conversation
        try:
            ending = await talk(connection)
            report(ending)
            answered = isinstance(ending, Closed) and ending.ending is Ending.ANSWERED
            result = ExitCode.YES if answered else ExitCode.NO
        finally:
            command.conversation_ended(result)

    listener = bind(settings.hosts, settings.port)
    server = net.AcceptLoop(listener, handle, lambda connection, seconds: report(Silent(connection.peer, seconds)))
    with command.open(server):
        report(Listening(settings.protocol, listener.hosts[0], listener.port))
        if not settings.as_json:
            report.say(*introduction(settings, shown, listener))
        server.run()
    return command.exit_code()


def _over_tls(settings: ServeOptions, report: Reporter) -> tuple[Credential, Conversation]:
    forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
    if settings.explain:
        hint = "`tlsdemo connect --explain` tells what can be told; --keylog FILE lets Wireshark tell the rest"
        raise Problem("a TLS server has nothing to explain: `ssl` hides the steps", hint=hint, code=ExitCode.USAGE)
    shown, clients = _Shown(settings, report), _Clients(settings.certs, settings.require_client_cert)
    if settings.keylog:
        prepare_key_log(settings.keylog)
    before: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made = server_context(
            shown.read(),
            client_trust=clients.anchors(),
            crls=clients.crls(),
            keylog=None if before else settings.keylog,
        )
        made.num_tickets = 1  # for one more connection (RFC 8446 §4.6.1), not two as by default: less work
        if before and before[-1].keylog_filename:  # else there is none, or it could not be written
            _go_on_with_keylog(made, before[-1].keylog_filename, report)
        before[:] = [made]
        return made

    fresh = Fresh(context, shown.files + clients.files, report.note)
    return shown.latest, lambda connection: converse(connection, fresh.value(), report)


def _go_on_with_keylog(context: ssl.SSLContext, keylog: str, report: Reporter) -> None:
    """For a context that takes the place of another."""
    try:
        # It may have been removed meanwhile, and OpenSSL would create it so that other users can read it.
        os.close(os.open(keylog, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600))
        context.keylog_filename = keylog
    except OSError:
        report(Warned(keylog_lost(keylog)))


def _over_edu(settings: ServeOptions, report: Reporter) -> tuple[Credential | None, Conversation]:
    claims = rung(settings.protocol, settings.without)
    _forbid(settings, claims)
    agrees = agrees_with_its_certificate(claims)
    shown = _Shown(settings, report) if Protection.POSSESSION in claims or agrees else None
    clients = _Clients(settings.certs, Protection.CLIENT_IDENTITY in claims)
    watch = report.explain if settings.explain else nobody_watches

    def made() -> tuple[Protocol, Party]:
        credential = shown.read() if shown else None
        if agrees and credential and not _is_p256(credential.key):
            fact = "without forward secrecy the server agrees with the key of its certificate, and needs one of P-256"
            raise Problem(fact, hint="`pki init` in a new folder makes one", code=ExitCode.USAGE)
        anchors, crls = clients.anchors(), clients.crls()
        checked = claims
        if clients.asked and not crls:
            checked -= {Protection.REVOCATION}
            report.note(f"not checked: whether a client was revoked; there is no {settings.certs / 'crl.pem'}")
        protocol = educational(checked, Side.SERVER, group=settings.group, story=settings.story, watch=watch)
        return protocol, party(credential, anchors, crls)

    fresh = Fresh(made, (*(shown.files if shown else ()), *clients.files), report.note)
    return shown.latest if shown else None, lambda connection: edu_server.serve(connection, *fresh.value(), report)


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size == 256


class _Shown:
    """The credential that is presented: read from files each time, or minted once, at the beginning."""

    def __init__(self, settings: ServeOptions, report: Reporter) -> None:
        self._report = report
        self.files: tuple[Path, Path] | tuple[()] = ()
        """Its certificate and its key, where it is read from files."""
        if settings.cert:
            self.files = settings.cert, settings.key or settings.cert.with_suffix(".key")
            self.latest = from_files(settings.cert, settings.key, "`pki issue NAME` makes one")
        else:
            kind, folder = kinds.BY_ID[settings.credential], Folder(settings.certs)
            self.files = folder.files(kind) or ()
            self.latest = folder.stranger_to_be_trusted() if kind is kinds.STRANGER else folder.credential(kind)
        self._is_read = True

    def read(self) -> Credential:
        """As the files have it now."""
        if self.files and not self._is_read:
            certificate, key = self.files
            self.latest = from_files(certificate, key, "", self._report.note)  # which never waits, as `note` might
        self._is_read = False
        return self.latest


class _Clients:
    """What the certificates of clients are checked against, if the server asks for them."""

    def __init__(self, certs: Path, asked: bool) -> None:
        self.asked = asked
        self.files = (certs / "root.pem", certs / "crl.pem") if asked else ()
        self._folder = Folder(certs)
        self._had_crls = False

    def anchors(self) -> tuple[x509.Certificate, ...]:
        """As the folder has them now."""
        return self._folder.anchors if self.asked else ()

    def crls(self) -> tuple[x509.CertificateRevocationList, ...]:
        """As the folder has them now; a Problem if there were some and the file is gone."""
        found = self._folder.crls if self.asked else ()
        if self._had_crls and not found:
            raise Problem(f"there is no {self._folder.certs / 'crl.pem'} any more")
        self._had_crls = bool(found)
        return found


def _forbid(settings: ServeOptions, claims: Claims) -> None:
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
