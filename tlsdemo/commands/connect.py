"""`tlsdemo connect`: check who answers, send one message, print the answer - or say why not. EDGE."""

import os
import select
import ssl
import stat
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import Credential, names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from pki.files import read_certificates, read_credential, read_crls
from pki.malformed import MALFORMED
from pki.signed import subject
from pki.transaction import recover_around
from tlsdemo import net
from tlsdemo.talk import MAX_LINE
from tlsdemo.tls import client, refusal
from tlsdemo.tls.context import Verify, client_context

ORGANIZATION = NameOID.ORGANIZATION_NAME
DEFAULT_MESSAGE = "my important message"
PATIENCE = 30.0  # seconds for the message and the whole of the answer


@dataclass(frozen=True)
class Settings:
    """The options of the command."""

    address: str
    message: str | None
    trust: Path
    name: str | None
    crl: Path | None
    cert: Path | None
    key: Path | None
    keylog: Path | None
    explain: bool


@dataclass(frozen=True)
class Call:
    """What this client knows before it connects."""

    address: net.Address
    name: x509.GeneralName
    trust_file: Path
    anchors: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    credential: Credential | None


def connect(settings: Settings) -> int:
    """The whole of the command; the exit code."""
    message = _message(settings.message)
    call = _call(settings)
    context = client_context(call.anchors, crls=call.crls, credential=call.credential, keylog=settings.keylog)
    tell = _tell if settings.explain else _be_brief
    with net.dial(call.address) as plain:
        _tell_line(plain.getpeername()[0], call, tell)
        try:
            tls = client.wrap(plain, context, names.plain(call.name))
        except OSError as error:
            _refuse(call, error)
        with tls:
            remark(_agreement(tls))
            _tell_handshake(tls, call, tell)
            tell("the message", f"{message!r}: encrypted and authenticated; only how much it is can be seen.")
            try:
                answer = client.ask(tls, message, PATIENCE)
            except OSError as error:
                _lose(call, error, Phase.ANSWER)
            except client.AnswerTooLong:
                fact, evidence = f"{call.address} answers without end", "more than a megabyte was read"
                raise Problem(fact, evidence, hint="is it a server of ours?", code=ExitCode.NO) from None
    remark(f"sent: {printable(message)}")
    for line in answer.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        print(printable(line.removesuffix("\r")))
    tell("the end", "the server said close_notify, authenticated like everything else: nothing was cut off.")
    _tell_unseen(tell)
    return ExitCode.YES


# Before -------------------------------------------------------------------------------------------------------------


def _call(settings: Settings) -> Call:
    try:
        address = net.parse_address(settings.address, "localhost", 4433)
        name = names.reference(settings.name if settings.name is not None else address.host)
    except ValueError as error:
        hint = "HOST:PORT, and --name for the name to check"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    recover_around(settings.trust)
    hint = "`pki init` makes an authority in certs/; or name one with --trust FILE"
    anchors = read_certificates(settings.trust, hint)
    crl_file = settings.crl or settings.trust.with_name("crl.pem")
    crls = read_crls(crl_file) if settings.crl or os.path.lexists(crl_file) else ()
    if settings.key and not settings.cert:
        raise Problem("--key needs --cert", hint="give both, or --cert alone", code=ExitCode.USAGE)
    credential = None
    if settings.cert:
        beside = settings.cert.parent / f"{settings.cert.stem}.key"
        credential = read_credential(settings.cert, settings.key or beside)
    return Call(address, name, settings.trust, anchors, crls, credential)


def _message(given: str | None) -> str:
    text = given if given is not None else _piped()
    if text is None:
        return DEFAULT_MESSAGE
    if "\n" in text or "\r" in text:
        raise Problem("a message is one line", hint="send the lines one by one", code=ExitCode.USAGE)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Problem("a message is UTF-8 text", hint="these bytes are not", code=ExitCode.USAGE) from None
    if size >= MAX_LINE:
        raise _too_long()
    return text


def _piped() -> str | None:
    """What is piped in, or redirected from a file, without its last newline; None when there is nothing."""
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # no standard input at all
        return None
    if not (stat.S_ISFIFO(kind) or stat.S_ISREG(kind)):
        return None
    if stat.S_ISFIFO(kind) and not select.select([sys.stdin], [], [], 1.0)[0]:
        remark("reading the message from standard input")
    data = sys.stdin.buffer.read(MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise _too_long()
    try:
        return data.decode().removesuffix("\n").removesuffix("\r") if data else None
    except UnicodeDecodeError:
        raise Problem("a message is UTF-8 text", hint="what is piped in is not", code=ExitCode.USAGE) from None


def _too_long() -> Problem:
    return Problem(f"a message has at most {MAX_LINE - 1} bytes", hint="send it in parts", code=ExitCode.USAGE)


# Refusals -----------------------------------------------------------------------------------------------------------


def _refuse(call: Call, error: OSError) -> NoReturn:
    """The handshake failed: because of what we checked, what they said, or because they are gone."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        _lose(call, error, Phase.HANDSHAKE)
    reason = refusal.of_certificate(error)
    presented = _look(call)
    raise Problem(
        f"{call.address} is refused: {reason.sentence}",
        f"check:      verify code {error.verify_code}, {printable(error.verify_message)} ({reason.section})",
        f"asked for:  {names.plain(call.name)}",
        f"trusting:   {call.trust_file}",
        *(_describe(presented) if presented else []),
        "sent:       no application byte",
        hint=RESTART if error.verify_code in UNTRUSTED and _bears_our_name(presented, call) else reason.hint,
        code=ExitCode.NO,
    ) from None


UNTRUSTED = (18, 19, 20)  # verify codes
RESTART = "it bears your authority's name: after `pki init --force`, restart the server; else it is an imitation"


def _bears_our_name(presented: x509.Certificate | None, call: Call) -> bool:
    """Whether it says that it comes from the authority that is trusted here; anybody can write that."""
    return presented is not None and any(
        set(presented.issuer.get_attributes_for_oid(ORGANIZATION)) & set(anchor.subject) for anchor in call.anchors
    )


def _look(call: Call) -> x509.Certificate | None:
    """The refused certificate, for the eye: `ssl` does not hand it out, so it is fetched once more."""
    try:
        context = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO)
        with net.dial(call.address, 3.0) as plain:
            return x509.load_der_x509_certificate(client.look(plain, context, names.plain(call.name)) or b"")
    except (OSError, Problem, *MALFORMED):  # type: ignore[misc]  # mypy does not see into the tuple
        return None  # it showed its certificate to the first connection only


def _describe(presented: x509.Certificate) -> list[str]:
    dates = f"{presented.not_valid_before_utc:%Y-%m-%d} to {presented.not_valid_after_utc:%Y-%m-%d}"
    return [
        f"presented:  {_names(presented)}; valid {dates}",
        f"            issued by {printable(presented.issuer.rfc4514_string())}",
        "            (as a second connection saw it, which only looked and sent nothing)",
    ]


class Phase(Enum):
    """When a conversation failed: (what it means that the server is gone, what it means that it sent an alert)."""

    HANDSHAKE = (
        "before TLS was agreed: nothing has been sent",
        "during the handshake: nothing has been sent",
    )
    ANSWER = (
        "the line ended without close_notify: whatever came may be incomplete (RFC 8446 §6.1)",
        "in TLS 1.3 a client learns this only now, at its first read (RFC 8446 §4.4.2.4)",
    )


def _lose(call: Call, error: OSError, phase: Phase) -> NoReturn:
    """The conversation failed, for a reason that is no certificate's."""
    gone, alerted = phase.value
    hint = refusal.hint(error)
    if isinstance(error, TimeoutError):
        raise Problem(f"{call.address} says nothing", "it was waited for in vain", hint=hint) from None
    if isinstance(error, refusal.GONE):
        raise Problem(f"{call.address} hung up", gone, hint=hint) from None
    refused = isinstance(error, ssl.SSLError) and refusal.alert(error) is not None
    said = "refuses us" if refused else "does not speak TLS with us"
    evidence = [alerted] if refused else []
    fact = f"{call.address} {said}: {refusal.sentence(error)}"
    raise Problem(fact, *evidence, hint=hint, code=ExitCode.NO) from None


# Telling ------------------------------------------------------------------------------------------------------------


def _agreement(tls: ssl.SSLSocket) -> str:
    presented = _names(_certificate(tls))
    return f"agreed on {tls.version()}, {(tls.cipher() or ('?',))[0]}; the server proved to be {presented}"


def _names(certificate: x509.Certificate) -> str:
    return printable(", ".join(map(names.show, names.readable(certificate)))) or "no name that can be read"


def _certificate(tls: ssl.SSLSocket) -> x509.Certificate:
    return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")


def _tell(title: str, text: str) -> None:
    for number, line in enumerate(textwrap.wrap(printable(text), 58)):
        remark(f"  {title if number == 0 else '':<18}{line}")


def _be_brief(title: str, text: str) -> None:
    """Without --explain, only the result is told."""


def _tell_line(host: str, call: Call, tell: Callable[[str, str], None]) -> None:
    tell(
        "the line",
        f"TCP to {host}, port {call.address.port}. Nobody has proved anything yet, and whoever sits "
        "on the path can read and change every byte.",
    )
    tell(
        "known beforehand",
        f"{call.trust_file}: {', '.join(map(subject, call.anchors))}. It did not come over this line: that is what "
        "makes it worth anything.",
    )


def _tell_handshake(tls: ssl.SSLSocket, call: Call, tell: Callable[[str, str], None]) -> None:
    cipher, _, bits = tls.cipher() or ("?", "?", 0)
    tell(
        "the handshake",
        f"{tls.version()} with {cipher}, keys of {bits} bits. Both sides drew a fresh Diffie-Hellman share; who only "
        "listened has seen the shares, and cannot compute the keys.",
    )
    certificate = _certificate(tls)
    tell(
        "who answered",
        f"{_names(certificate)}; certified by {certificate.issuer.rfc4514_string()}, until "
        f"{certificate.not_valid_after_utc:%Y-%m-%d}. It signed this very handshake with the key of that certificate.",
    )
    revoked = "that none of it is revoked" if call.crls else "NOT whether it is revoked: no list is at hand"
    tell(
        "checked",
        f"each signature up to {call.trust_file}; the dates; that it may be a server; "
        f"that it is valid for {names.plain(call.name)}; {revoked}.",
    )


def _tell_unseen(tell: Callable[[str, str], None]) -> None:
    tell(
        "not visible",
        "`ssl` keeps to itself: the messages of the handshake, the group and the shares of the Diffie-Hellman "
        "exchange, the signature, the session tickets. The keys come out with --keylog FILE; with them, Wireshark "
        "shows the rest.",
    )
