"""`tlsdemo serve`: read the credential, listen, and log each connection. EDGE."""

import os
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pki import Credential
from pki.errors import ExitCode, Problem
from pki.objects.distinguished_names import issuer
from pki.objects.signatures import key_signed_list
from pki.objects.summary import of_certificate
from pki.store.output import forbid_same, prepare_key_log
from pki.store.transaction import notice_half_done
from tlsdemo import net
from tlsdemo.cli import key_log
from tlsdemo.cli.listening import ListeningCommand, bind
from tlsdemo.cli.protocol_options import (
    TLS,
    TLS13,
    Claims,
    agrees_with_its_certificate,
    educational,
    forbid_choices,
    forbid_for_tls,
    own_tls,
    party,
    rung,
)
from tlsdemo.cli.reloading import Fresh
from tlsdemo.cli.reporter import Reporter
from tlsdemo.cli.serve_banner import introduction
from tlsdemo.cli.serve_options import ServeOptions
from tlsdemo.credentials import kinds
from tlsdemo.credentials.folder import Folder, from_files
from tlsdemo.driver import Watch, no_watch
from tlsdemo.edu import server as edu_server
from tlsdemo.events import Closed, Ending, Event, Listening, Silent, Warned
from tlsdemo.protocol import Party, Protection, Protocol, Side
from tlsdemo.tls.connection import keylog_lost
from tlsdemo.tls.connection import serve as converse
from tlsdemo.tls.context import server_context
from tlsdemo.tls13.machine import Log, no_log

if TYPE_CHECKING:
    from tlsdemo.cli.recording import Recorder

Conversation = Callable[[net.Connection], net.Handling[Event]]


def serve(settings: ServeOptions) -> int:
    """Run until a signal, or for one connection with --once. Returns the exit code."""
    notice_half_done(settings.certs)
    report = Reporter(settings.as_json)
    forbid_choices(settings.protocol, settings.cipher, settings.alpn)
    forbid_same(capture=settings.capture, keylog=settings.keylog)
    recorder = _recorder(settings, report)
    over = _over_tls if settings.protocol == TLS else _over_own
    presented, talk = over(settings, report, recorder)
    command = ListeningCommand(report, once=settings.once)

    async def handle(connection: net.Connection) -> None:
        result = ExitCode.CANNOT  # if the code below raises, or the server is stopped
        try:
            with recorder.recorded(connection) if recorder else nullcontext():
                ending = await talk(connection)
            report(ending)
            answered = isinstance(ending, Closed) and ending.ending is Ending.ANSWERED
            result = ExitCode.YES if answered else ExitCode.NO
        finally:
            command.conversation_ended(result)

    listener = bind(settings.hosts, settings.port)
    server = net.AcceptLoop(
        listener,
        handle,
        lambda connection, seconds: report(Silent(connection.peer, seconds)),
        descriptors=3 if recorder else 1,
    )
    with command.open(server):
        report(Listening(settings.protocol, listener.hosts[0], listener.port))
        if not settings.as_json:
            report.say(*introduction(settings, presented, listener))
        server.run()
        if recorder:
            recorder.finish()
    return command.exit_code()


def _recorder(settings: ServeOptions, report: Reporter) -> "Recorder | None":
    """Records the connections, if --capture or --explain needs their bytes. The educational handshake tells its own."""
    explains = settings.explain and settings.protocol in (TLS, TLS13)
    if not (settings.capture or explains):
        return None
    if settings.explain and settings.as_json:
        raise Problem("--explain and --json are mutually exclusive", hint="use one of them", code=ExitCode.USAGE)
    from tlsdemo.cli import recording  # it imports all that explains; other servers need not wait for that

    return recording.of_server(settings, report.say if explains else None)


def _over_tls(settings: ServeOptions, report: Reporter, recorder: "Recorder | None") -> tuple[Credential, Conversation]:
    forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
    presented, clients = _Presented(settings, report), _Clients(settings.certs, settings.require_client_cert)
    if settings.keylog:
        prepare_key_log(settings.keylog)
    keylog = recorder.keys.path if recorder else settings.keylog
    before: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made = server_context(
            presented.read(),
            client_trust=clients.anchors(),
            crls=clients.crls(presented.latest.chain),
            keylog=None if before else keylog,
        )
        made.num_tickets = 1  # session tickets (§4.6.1); the default of 2 costs more time
        if before and before[-1].keylog_filename:  # None without a key log, or if it could not be written
            _reopen_keylog(made, before[-1].keylog_filename, report)
        before[:] = [made]
        return made

    fresh = Fresh(context, presented.files + clients.files, report.note)
    return presented.latest, lambda connection: converse(connection, fresh.value(), report)


def _reopen_keylog(context: ssl.SSLContext, keylog: str, report: Reporter) -> None:
    """Set the key log of a context that replaces another one."""
    try:
        # If the file was removed, OpenSSL would create it readable for other users.
        os.close(os.open(keylog, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600))
        context.keylog_filename = keylog
    except OSError:
        report(Warned(keylog_lost(keylog)))


def _over_own(
    settings: ServeOptions, report: Reporter, recorder: "Recorder | None"
) -> tuple[Credential | None, Conversation]:
    """The educational handshake, or TLS 1.3 of our own."""

    def lost(path: str) -> None:
        report(Warned(keylog_lost(path)))

    claims = rung(settings.protocol, settings.without)
    if settings.protocol == TLS13:
        if not settings.require_client_cert:
            claims -= {Protection.CLIENT_IDENTITY}
        log: Log = (
            key_log.writer(settings.keylog, lambda path: report(Warned(keylog_lost(path))))
            if settings.keylog
            else no_log
        )
        if recorder:
            log = recorder.keys.log  # which copies to --keylog
    else:
        _forbid(settings, claims)
    agrees = agrees_with_its_certificate(claims)
    presented = _Presented(settings, report) if Protection.POSSESSION in claims or agrees else None
    clients = _Clients(settings.certs, Protection.CLIENT_IDENTITY in claims)
    watch = _explaining(report) if settings.explain else no_watch

    def made() -> tuple[Protocol, Party]:
        credential = presented.read() if presented else None
        if agrees and credential and not _is_p256(credential.key):
            fact = "without forward secrecy the server uses its certificate's key as its secret; the key must be P-256"
            raise Problem(fact, hint="`pki init --dir DIR` creates one in a new folder", code=ExitCode.USAGE)
        anchors, crls = clients.anchors(), clients.crls(presented.latest.chain if presented else ())
        checked = claims
        if clients.asked and not crls:
            checked -= {Protection.REVOCATION}
            report.note(
                f"client certificates are not checked for revocation: {settings.certs / 'crl.pem'} does not exist"
            )
        if settings.protocol == TLS13:
            protocol = own_tls(
                checked,
                group=settings.group,
                cipher=settings.cipher,
                alpn=settings.alpn,
                story=settings.story,
                log=log,
                tickets=1,
            )
        else:
            protocol = educational(checked, Side.SERVER, group=settings.group, story=settings.story, watch=watch)
        return protocol, party(credential, anchors, crls)

    fresh = Fresh(made, (*(presented.files if presented else ()), *clients.files), report.note)
    return presented.latest if presented else None, lambda connection: edu_server.serve(
        connection, *fresh.value(), report
    )


def _explaining(report: Reporter) -> Watch:
    from tlsdemo.cli.explaining import watching  # costs time that other servers need not wait for

    return watching(report.say, sys.stdout)


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size == 256


class _Presented:
    """The credential that the server presents: read from files when they change, or minted once."""

    def __init__(self, settings: ServeOptions, report: Reporter) -> None:
        self._report = report
        self.files: tuple[Path, Path] | tuple[()] = ()
        """The certificate file and the key file; empty if the credential was minted."""
        if settings.cert:
            self.files = settings.cert, settings.key or settings.cert.with_suffix(".key")
            self.latest = from_files(settings.cert, settings.key, "`pki issue NAME` creates a certificate")
        else:
            kind, folder = kinds.BY_ID[settings.credential], Folder(settings.certs)
            self.files = folder.files(kind) or ()
            self.latest = folder.with_untrusted_ca() if kind is kinds.UNTRUSTED_CA else folder.credential(kind)
        self._is_read = True

    def read(self) -> Credential:
        """The credential in the files now. Problem if the chain has lost an issuer: the file is half written."""
        if self.files and not self._is_read:
            certificate, key = self.files
            found = from_files(certificate, key, "", self._report.note)  # report.note never blocks, unlike `note`
            _is_whole(certificate, found, self.latest)
            self.latest = found
        self._is_read = False
        return self.latest


def _is_whole(file: Path, found: Credential, before: Credential) -> None:
    """Raise Problem if the chain ends before an issuer that the chain before it contained.

    A program that writes the file in place, such as `cat leaf.pem ca.pem > server.pem`, leaves such a chain for a
    moment.
    """
    subjects = [[of_certificate(each).whole_subject for each in chain] for chain in (before.chain, found.chain)]
    last = of_certificate(found.chain[-1] if found.chain else found.certificate).issuer
    if last in subjects[0] and last not in subjects[1]:
        raise Problem(f"{file} does not contain the certificate of {last}, which was in it before")


class _Clients:
    """The trust anchors and CRLs for client certificates, if the server requests them."""

    def __init__(self, certs: Path, asked: bool) -> None:
        self.asked = asked
        self.files = (certs / "root.pem", certs / "crl.pem") if asked else ()
        self._folder = Folder(certs)
        self._before: tuple[tuple[x509.Certificate, ...], frozenset[str]] = (), frozenset()

    def anchors(self) -> tuple[x509.Certificate, ...]:
        """The trust anchors in the folder now; () if the server requests no certificate."""
        return self._folder.anchors if self.asked else ()

    def crls(self, chain: Sequence[x509.Certificate]) -> tuple[x509.CertificateRevocationList, ...]:
        """The CRLs in the folder now. Problem if the CRL of a CA was there before and is gone, or if it is damaged.

        A CRL is damaged if a trust anchor or a CA of `chain`, the server's own, issued it and its signature is wrong.
        """
        found = self._folder.crls if self.asked else ()
        anchors, issuers = self.anchors(), frozenset(map(issuer, found))
        anchors_before, issuers_before = self._before
        path = self._folder.certs / "crl.pem"
        if issuers_before and not found:
            raise Problem(f"{path} no longer exists")
        if anchors == anchors_before and (lost := sorted(issuers_before - issuers)):
            raise Problem(f"{path} does not contain the CRL of {lost[0]}, which was in it before")
        for crl in found if issuers_before else ():
            cas = [each for each in (*anchors, *chain) if of_certificate(each).whole_subject == issuer(crl)]
            if cas and not any(key_signed_list(crl, each) for each in cas):
                raise Problem(f"the CRL of {issuer(crl)} in {path} is not signed by its issuer's key")
        self._before = anchors, issuers
        return found


def _forbid(settings: ServeOptions, claims: Claims) -> None:
    """Raise Problem for options that this rung does not have."""
    name = settings.protocol
    if settings.keylog:
        raise Problem("--keylog is for tls and tls13", hint="use --explain to see each step", code=ExitCode.USAGE)
    if settings.require_client_cert:
        raise Problem("--require-client-cert is for tls and tls13", hint="use --protocol mutual", code=ExitCode.USAGE)
    if settings.explain and settings.as_json:
        raise Problem("--explain and --json are mutually exclusive", hint="use one of them", code=ExitCode.USAGE)
    if Protection.POSSESSION not in claims and (settings.cert or settings.credential != "server"):
        raise Problem(
            f"--protocol {name} presents no certificate",
            hint="use --protocol signed, ca or mutual",
            code=ExitCode.USAGE,
        )
