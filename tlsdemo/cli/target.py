"""What a client is told before it connects: whom to call, whom to trust, what to say. EDGE: reads files and stdin."""

import os
import select
import stat
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509

from pki import Credential, names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from pki.store.files import read_certificates, read_credential, read_crls
from pki.store.transaction import notice_around
from tlsdemo import net, peer
from tlsdemo.application import MAX_LINE

DEFAULT_MESSAGE = "my important message"


@dataclass(frozen=True)
class ConnectOptions:
    """The options of the command."""

    address: str
    protocol: str
    group: str | None
    without: Sequence[str]
    story: bool
    message: str | None
    trust: Path
    name: str | None
    crl: Path | None
    cert: Path | None
    key: Path | None
    keylog: Path | None
    explain: bool


@dataclass(frozen=True)
class Target:
    """What this client knows before it connects."""

    address: net.Address
    name: x509.GeneralName
    trust_file: Path
    anchors: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    credential: Credential | None


class Wants(Enum):
    """What a protocol needs of a client."""

    NOTHING = "nothing"
    """It checks no certificate."""
    TRUST = "trust"
    TRUST_AND_A_CERTIFICATE = "trust and a certificate"
    """It shows one, too: `client.pem` beside the trust anchor, unless another is named."""


def resolve(settings: ConnectOptions, wants: Wants) -> Target:
    """Read what is needed."""
    try:
        address = net.parse_address(settings.address, "localhost", 4433)
        name = names.reference(settings.name if settings.name is not None else address.host)
    except ValueError as error:
        hint = "HOST:PORT, and --name for the name to check"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    if settings.key and not settings.cert:
        raise Problem("--key needs --cert", hint="give both, or --cert alone", code=ExitCode.USAGE)
    if wants is Wants.NOTHING:
        for given, option in ((settings.cert, "--cert"), (settings.crl, "--crl")):
            if given:
                hint = "--protocol ca or mutual"
                fact = f"{option} has no place here: --protocol {settings.protocol} checks and shows no certificate"
                raise Problem(fact, hint=hint, code=ExitCode.USAGE)
        return Target(address, name, settings.trust, (), (), None)
    notice_around(settings.trust)
    hint = "`pki init` makes an authority in certs/; or name one with --trust FILE"
    anchors = read_certificates(settings.trust, hint)
    crl_file = settings.crl or settings.trust.with_name("crl.pem")
    crls = read_crls(crl_file) if settings.crl or os.path.lexists(crl_file) else ()
    cert = settings.cert
    if cert is None and wants is Wants.TRUST_AND_A_CERTIFICATE:
        cert = settings.trust.with_name("client.pem")
    if cert is None:
        return Target(address, name, settings.trust, anchors, crls, None)
    credential = read_credential(
        cert,
        settings.key or cert.parent / f"{cert.stem}.key",
        "`pki init` makes client.pem; or show another with --cert FILE",
    )
    return Target(address, name, settings.trust, anchors, crls, credential)


def line_to_send(given: str | None) -> str:
    """The line to send: what was given, else what is piped in, else a default."""
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


def print_answer(answer: bytes) -> None:
    """Line by line, with what could drive a terminal escaped."""
    if not answer:
        remark("the server closed, and had said nothing")
        return
    for line in answer.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        print(printable(line.removesuffix("\r")))


def presented(certificate: peer.Description) -> list[str]:
    """A certificate that was refused, as evidence."""
    return [f"presented:  {certificate.shown}; {certificate.validity}", f"            issued by {certificate.issuer}"]


def tell(title: str, text: str) -> None:
    """One step, for --explain: a label and a paragraph beside it, on stderr."""
    for number, line in enumerate(textwrap.wrap(printable(text), 58)):
        remark(f"  {title if number == 0 else '':<18}{line}")


def be_brief(title: str, text: str) -> None:
    """Without --explain, only the result is told."""
