"""`tlsdemo connect` over a handshake of ours: one conversation, or the reason why it failed. EDGE."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from pki import names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from tlsdemo import net, peer
from tlsdemo.cli import key_log, several_lines
from tlsdemo.cli.protocol_options import TLS13, Claims, educational, own_tls, party, wants
from tlsdemo.cli.target import (
    BEHIND,
    ConnectOptions,
    Target,
    presented,
    print_answer,
    recording,
    resolve,
    tell,
    when_closed,
)
from tlsdemo.driver import Driver, Watch, no_watch
from tlsdemo.edu import client
from tlsdemo.edu.errors import MessageViolation
from tlsdemo.edu.machine import cipher_suite
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.tls import errors
from tlsdemo.tls13.machine import Log, no_log
from tlsdemo.tls13.violations import TlsViolation
from tlsdemo.violations import ProtocolError, Violation, alert

if TYPE_CHECKING:
    from tlsdemo.cli.recording import Recorder

PATIENCE = 30.0  # seconds for the message and the whole of the answer

HINTS = {
    MessageViolation.OTHER_RUNG: "start both sides with the same --protocol",
    MessageViolation.OTHER_GROUP: "start both sides with the same --group",
    MessageViolation.IS_TLS: "use --protocol tls: a TLS server listens there",
    MessageViolation.NOT_JSON: "check the port: `tlsdemo serve` with the same --protocol must listen there",
    TlsViolation.NOT_TLS: "check the port: a TLS server must listen there",
    TlsViolation.SERVER_CHOSE_OLD_VERSION: "use --protocol tls, which also speaks TLS 1.2",
    Violation.BAD_SIGNATURE: "the peer does not have the certificate's private key, or an attacker on the path changed "
    "a message: `tlsdemo eavesdrop` shows the traffic",
    Violation.BAD_FINISHED: "an attacker on the path may change messages: `tlsdemo eavesdrop` shows the traffic",
    Violation.BAD_RECORD: "an attacker on the path may change records: `tlsdemo eavesdrop` shows the traffic",
    Violation.FORGED: errors.VERIFY_CODES[7].hint,
}
FROM_ALERT = {
    "protocol_version": "start both sides with the same --protocol",
    "handshake_failure": "start both sides with the same --group and --without",
    "certificate_required": "present one: --cert certs/client.pem",
}
NOT_SENT, SENT = "sent:       no application data", "sent:       the message, before the error"
ANY = "--explain shows each step before the error"


def connect_over_own(settings: ConnectOptions, claims: Claims, message: str | Iterator[str]) -> None:
    """Send the message, or several, and print the answer. Raises Problem if that fails."""
    _forbid(settings)
    known = resolve(settings, wants(claims))
    if Protection.REVOCATION in claims and not known.crls:
        claims -= {Protection.REVOCATION}
        remark(f"not checked: revocation; crl.pem is missing beside {known.trust_file}")
    with recording(settings, known) as recorder:
        answer = _converse(settings, claims, known, message, recorder)
    if answer is not None:
        remark(f"sent: {printable(str(message))}")
        print_answer(answer)


def _converse(
    settings: ConnectOptions, claims: Claims, known: Target, message: str | Iterator[str], recorder: "Recorder | None"
) -> bytes | None:
    """Send, and return the answer to one message; None if the answers were printed already."""
    protocol = _protocol(settings, claims, recorder)
    with net.dial(known.address, closed=when_closed(settings, known.address)) as dialled:
        if settings.explain and settings.protocol != TLS13:
            _tell_connection(dialled.getpeername()[0], known, claims)
        plain = recorder.begin(dialled).socket if recorder else dialled
        endpoint = protocol.client(party(known.credential, known.anchors, known.crls, known.name))
        assert isinstance(endpoint, Driver)
        link = net.Link(plain, endpoint)
        said = False
        try:
            link.handshake(time.monotonic() + net.HANDSHAKE_DEADLINE)
            remark(_agreement(endpoint, claims))
            said = endpoint.error is None  # an alert may have come with Finished, in one piece
            if not isinstance(message, str):
                several_lines.converse(link, message, known.address)
                return None
            return client.ask(link, message, PATIENCE)
        except ProtocolError as error:
            _refuse(known, endpoint, error, SENT if said else NOT_SENT)
        except TimeoutError:
            raise Problem(f"{known.address} did not answer in time", hint=ANY) from None
        except OSError:
            _closed_early(known, endpoint)
        except client.AnswerTooLong:
            fact = f"{known.address} sent more than {client.ANSWER_LIMIT} bytes without close_notify"
            raise Problem(fact, hint="connect to `tlsdemo serve`", code=ExitCode.NO) from None


def _protocol(settings: ConnectOptions, claims: Claims, recorder: "Recorder | None") -> Protocol:
    if settings.protocol != TLS13:
        watch: Watch = no_watch
        if settings.explain:
            from tlsdemo.cli.explaining import watching  # as for `recording`

            watch = watching(_print, sys.stderr)
        return educational(claims, Side.CLIENT, group=settings.group, story=settings.story, watch=watch)
    log: Log = no_log
    if settings.keylog:
        log = key_log.writer(settings.keylog, _lost)
    if recorder:
        log = recorder.keys.log
    return own_tls(
        claims, group=settings.group, cipher=settings.cipher, alpn=settings.alpn, story=settings.story, log=log
    )


def _forbid(settings: ConnectOptions) -> None:
    """Raise Problem for options that the protocol does not have."""
    if settings.keylog and settings.protocol != TLS13:
        hint = "--explain shows how the keys are derived"
        raise Problem("--keylog is for tls and tls13", hint=hint, code=ExitCode.USAGE)


def _lost(path: str) -> None:
    remark(f"note: the key log {path} cannot be written; the connection continues without it")


def _agreement(endpoint: Driver, claims: Claims) -> str:
    agreed = f"connected with {endpoint.negotiated['version']}, {cipher_suite(endpoint.negotiated)}"
    if not endpoint.peer_chain:
        return f"{agreed}; the server is not authenticated"
    who = peer.describe(endpoint.peer_chain[0]).shown
    if Protection.CHAIN in claims and Protection.POSSESSION in claims:
        return f"{agreed}; the server is authenticated as {who}"
    if Protection.CHAIN in claims:
        return f"{agreed}; the server presents a certificate of {who}, without proof that it has the private key"
    return f"{agreed}; the server presents a certificate of {who}, which is not checked"


# Refusals -----------------------------------------------------------------------------------------------------------


def _refuse(known: Target, endpoint: Driver, error: ProtocolError, sent: str) -> NoReturn:
    """Report a violation of the server, or an alert from it."""
    if error.violation is Violation.TRUNCATED:
        _closed_early(known, endpoint)
    if error.violation is Violation.ALERT:
        hint = FROM_ALERT.get(alert(error) or "", "the alert has the reason; see also the server's terminal")
        fact = f"{known.address} refused the connection: alert {printable(error.detail)}"
        whose = (
            [] if endpoint.accepted else ["an alert before Finished is not authenticated: an attacker may have sent it"]
        )
        raise Problem(fact, *whose, sent, hint=hint, code=ExitCode.NO) from None
    check = error.check
    evidence = [f"violation:  {error.violation.sentence} ({error.violation.section})"]
    if check:
        evidence = [
            f"check:      {check.name} ({check.section})",
            f"asked for:  {names.plain(known.name)}",
            f"trusting:   {known.trust_file}",
        ]
    if endpoint.peer_chain:
        evidence += presented(peer.describe(endpoint.peer_chain[0]))
    hint = HINTS.get(error.violation) or (check and check.hint) or ANY
    because = printable(check.detail if check else str(error))
    raise Problem(f"{known.address} is refused: {because}", *evidence, sent, hint=hint, code=ExitCode.NO) from None


def _closed_early(known: Target, endpoint: Driver) -> NoReturn:
    if endpoint.accepted:
        evidence = "without close_notify: the answer may be incomplete"
        hint = (
            "the server ended, or an attacker on the path cut the connection; the server's terminal may show the reason"
        )
    else:
        evidence = "during the handshake"
        hint = f"the server needs the same --protocol; its terminal may show the reason; {BEHIND}"
    raise Problem(f"{known.address} closed the connection", f"{evidence} (RFC 8446 §6.1)", hint=hint) from None


# Explaining ---------------------------------------------------------------------------------------------------------


def _tell_connection(host: str, known: Target, claims: Claims) -> None:
    tell(
        "connection",
        f"TCP to {host}, port {known.address.port}. Nothing is authenticated yet. An attacker on the path can read and "
        "change every byte.",
    )
    if known.anchors and Protection.CHAIN in claims:
        tell(
            "trust anchor",
            f"{known.trust_file}. The client had it before the connection, so an attacker on the path cannot replace "
            "it.",
        )
    elif Protection.POSSESSION in claims or Protection.SECRECY in claims:
        tell("trust anchor", "None. Everything that the two sides know about each other comes over this connection.")


def _print(*lines: str) -> None:
    for line in lines:
        remark(line)
