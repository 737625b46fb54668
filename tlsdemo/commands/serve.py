"""`tlsdemo serve`: read the credential, listen, and tell each conversation as it happens. EDGE."""

import os
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from pki import Credential, keys, names, store
from pki.authority import Validity
from pki.console import note
from pki.errors import ExitCode, cannot
from pki.files import read_certificates, read_credential, read_crls
from pki.transaction import recover
from tlsdemo import net
from tlsdemo.events import Closed, Ending, Event, Listening, Silent
from tlsdemo.report.events import as_json, as_line
from tlsdemo.tls.context import server_context
from tlsdemo.tls.server import serve as converse


@dataclass(frozen=True)
class Settings:
    """The options of the command."""

    protocol: str
    hosts: tuple[str, ...] | None
    port: int
    certs: Path
    credential: str
    cert: Path | None
    key: Path | None
    require_client_cert: bool
    keylog: Path | None
    once: bool
    as_json: bool


@dataclass
class Reporter:
    """Prints events, whole lines, at once; remembers when nobody can read them any more."""

    as_json: bool
    failure: OSError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self.say(as_json(event) if self.as_json else as_line(event))

    def say(self, *lines: str) -> None:
        """Print lines together, flushed."""
        with self._lock:
            try:
                print("\n".join(lines), flush=True)
            except OSError as error:  # kept apart from the errors of sockets, which are somebody else's
                self.failure = self.failure or error


def serve(settings: Settings) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    recover(settings.certs)
    credential = _credential(settings)
    context = server_context(
        credential,
        client_trust=_client_trust(settings),
        crls=_crls(settings.certs / "crl.pem") if settings.require_client_cert else (),
        keylog=settings.keylog,
    )
    report = Reporter(settings.as_json)
    endings: list[Event] = []

    def handle(connection: net.Connection) -> None:
        ending = converse(connection, context, report)
        report(ending)
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
            report.say(*_introduction(settings, credential, listener))
        if report.failure:
            server.stop()  # nobody can read where it listens
        server.run()
    if report.failure:
        raise cannot("write the output", report.failure)
    if settings.once and endings:
        return ExitCode.YES if _talked(endings[0]) else ExitCode.NO
    return ExitCode.YES


def _talked(ending: Event) -> bool:
    return isinstance(ending, Closed) and ending.ending is Ending.ANSWERED


# Credentials --------------------------------------------------------------------------------------------------------


def _credential(settings: Settings) -> Credential:
    if settings.credential == "stranger":
        return _stranger(settings.certs)
    file = (
        settings.cert or (settings.certs / "rogue" if settings.credential == "rogue" else settings.certs) / "server.pem"
    )
    key = settings.key or file.parent / f"{file.stem}.key"
    hint = (
        "`pki issue NAME` makes one"
        if settings.cert
        else f"`pki init --dir {settings.certs}` makes what is needed here"
    )
    credential = read_credential(file, key, hint)
    dates = Validity.of(credential.certificate)
    if not dates.not_before <= datetime.now(UTC) <= dates.not_after:
        note(f"{file} is valid from {dates.not_before:%Y-%m-%d} to {dates.not_after:%Y-%m-%d} only:")
        note("clients will refuse it; `pki init --force` mints anew")
    return credential


def _stranger(certs: Path) -> Credential:
    """A perfectly good certificate by a perfectly good authority that nobody here trusts (trustme's)."""
    import trustme

    wanted: tuple[str, ...] = store.DEFAULT_SAN
    if os.path.lexists(certs / "server.pem"):
        presented = names.readable(read_certificates(certs / "server.pem")[0])
        wanted = tuple(map(names.plain, presented)) or store.DEFAULT_SAN
    authority = trustme.CA()
    leaf = authority.issue_cert(*wanted)
    store.keep(certs, "stranger/ca.pem", authority.cert_pem.bytes())
    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems]
    return Credential(keys.from_pem(leaf.private_key_pem.bytes()), chain[0], tuple(chain[1:]))


def _client_trust(settings: Settings) -> tuple[x509.Certificate, ...]:
    if not settings.require_client_cert:
        return ()
    return read_certificates(settings.certs / "root.pem", f"`pki init --dir {settings.certs}` makes it")


def _crls(path: Path) -> tuple[x509.CertificateRevocationList, ...]:
    return read_crls(path) if os.path.lexists(path) else ()


# The lines to try ---------------------------------------------------------------------------------------------------


def _introduction(settings: Settings, credential: Credential, listener: net.Listener) -> Iterator[str]:
    """Who this server says it is, and the commands that talk to it."""
    presented = [names.plain(name) for name in names.readable(credential.certificate)]
    others = [str(net.Address(host, listener.port)) for host in listener.hosts[1:]]
    if others:
        yield f"  and on {', '.join(others)}"
    whose = (
        str(settings.cert)
        if settings.cert
        else {
            "server": "the server's own certificate",
            "rogue": "the ROGUE's certificate: a careful client refuses it",
            "stranger": "the certificate of a STRANGER: a good one, but nobody here trusts its authority",
        }[settings.credential]
    )
    yield f"  showing {whose}"
    yield f"  for {', '.join(presented)}"
    yield ""
    yield "  in another terminal:"
    for command in _commands(settings, credential, listener):
        yield f"    {command}"
    yield ""


def _commands(settings: Settings, credential: Credential, listener: net.Listener) -> Iterator[str]:
    host = "localhost" if settings.hosts is None else settings.hosts[0]
    name = _name_to_ask_for(host, credential)
    target, port = net.Address(host, listener.port), listener.port
    ca = shlex.quote(str(settings.certs / ("stranger/ca.pem" if settings.credential == "stranger" else "root.pem")))
    cert, key = (shlex.quote(str(settings.certs / file)) for file in ("client.pem", "client.key"))
    options = "" if name == host else f" --name {name}"
    trust = "" if ca == "certs/root.pem" else f" --trust {ca}"
    ours, theirs = "", ""
    if settings.require_client_cert:
        ours, theirs = f" --cert {cert}", f" -cert {cert} -cert_chain {cert} -key {key}"
    yield f"tlsdemo connect {target}{options}{trust}{ours}"
    if settings.credential == "rogue":
        believed = shlex.quote(str(settings.certs / "rogue/ca.pem"))
        yield f"tlsdemo connect {target}{options} --trust {believed}{ours}    # who trusts him accepts him"
    check = "-verify_ip" if isinstance(names.reference(name), x509.IPAddress) else "-verify_hostname"
    yield f"openssl s_client -connect {target} -CAfile {ca} -verify_return_error {check} {name}{theirs}"
    yield "    # then type a line, and Enter"
    through = net.Address(host, port + 1 if port < 65535 else port - 1)
    upstream = net.Address("127.0.0.1" if host == "localhost" else host, port)
    tcp, bind = ("TCP6", f"[{upstream.host}]") if ":" in host else ("TCP", upstream.host)
    yield f"socat -v {tcp}-LISTEN:{through.port},bind={bind},reuseaddr,fork {tcp}:{upstream}"
    yield f"tlsdemo connect {through}{options}{trust}{ours}    # through socat, who sees all, and can read nothing"


def _name_to_ask_for(host: str, credential: Credential) -> str:
    """The host itself where the certificate covers it, else a name that it does cover."""
    presented = [
        name for name in names.readable(credential.certificate) if isinstance(name, x509.DNSName | x509.IPAddress)
    ]
    try:
        wanted = names.reference(host)
    except names.InvalidName:
        wanted = None
    if not presented or (wanted is not None and any(names.matches(name, wanted) for name in presented)):
        return host
    return names.plain(presented[0]).replace("*", "www")
