"""What a client needs before it connects: address, trust anchors, message. EDGE: reads files and stdin."""

import os
import select
import shlex
import stat
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509

from pki import Credential, names
from pki.console import dir_option, remark
from pki.errors import ExitCode, Problem, printable
from pki.store.files import crls_beside, read_anchors, read_credential, read_crls
from pki.store.transaction import notice_around
from tlsdemo import net, peer
from tlsdemo.application import MAX_LINE
from tlsdemo.cli.position import ATTACKER_PORT, SERVER_PORT, server_command
from tlsdemo.cli.protocol_options import TLS

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
    http: str | None
    """The path to request; None to send a message."""
    trust: Path
    name: str | None
    crl: Path | None
    cert: Path | None
    key: Path | None
    keylog: Path | None
    explain: bool


@dataclass(frozen=True)
class Target:
    """Address, server name, trust anchors, CRLs and credential of a client."""

    address: net.Address
    name: x509.GeneralName
    trust_file: Path
    anchors: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    credential: Credential | None


def when_closed(settings: ConnectOptions, address: net.Address) -> str:
    """The hint if no program listens at the address: the server, or the attacker on its usual port."""
    options = "" if settings.protocol == TLS else f" --protocol {settings.protocol}"
    options += f" --group {shlex.quote(settings.group)}" if settings.group else ""
    options += "".join(f" --without {shlex.quote(each)}" for each in settings.without)
    if address.port != ATTACKER_PORT:
        server = server_command(address, options + " --story" * settings.story)
        return f"start the server first: `{server}`"
    attacker = "tlsdemo mitm" + options
    return f"start the attacker first: `{attacker}` or `tlsdemo eavesdrop`; the server has port {SERVER_PORT}"


BEHIND = "if `tlsdemo mitm` or `eavesdrop` listens there, its terminal shows whether it reached the server"
"""A hint for a connection that was closed early: the attacker does so if its server cannot be reached."""


class Wants(Enum):
    """What a client needs for a protocol."""

    NOTHING = "nothing"
    """The client checks no certificate."""
    TRUST = "trust"
    TRUST_AND_A_CERTIFICATE = "trust and a certificate"
    """The client also presents one: `client.pem` beside the trust anchor, unless --cert names another."""


SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
"""id-kp-serverAuth (RFC 5280 §4.2.1.12), by which OpenSSL's trust settings name the purpose."""


def resolve(settings: ConnectOptions, wants: Wants) -> Target:
    """Read the files that are needed. Raises Problem for a wrong option or file."""
    try:
        address = net.parse_address(settings.address, "localhost", 4433)
        name = names.reference(settings.name if settings.name is not None else address.host)
    except ValueError as error:
        hint = "give HOST:PORT, and --name NAME for another server name"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    if settings.key and not settings.cert:
        raise Problem("--key needs --cert", hint="give both, or --cert alone", code=ExitCode.USAGE)
    if wants is Wants.NOTHING:
        for given, option in ((settings.cert, "--cert"), (settings.crl, "--crl")):
            if given:
                hint = "use --protocol ca or mutual"
                fact = f"{option} is not possible with --protocol {settings.protocol}, which checks no certificate"
                raise Problem(fact, hint=hint, code=ExitCode.USAGE)
        return Target(address, name, settings.trust, (), (), None)
    notice_around(settings.trust)
    folder = settings.trust if settings.trust.is_dir() else settings.trust.parent
    init = "pki init" + dir_option(folder)
    hint = f"`{init}` creates a CA in {folder}/; or give a root certificate, or a folder of them, with --trust"
    anchors = read_anchors(settings.trust, hint, purpose=SERVER_AUTH)
    crl_files = [settings.crl] if settings.crl else crls_beside(settings.trust)
    crls = tuple(crl for file in crl_files for crl in read_crls(file))
    cert = settings.cert
    if cert is None and wants is Wants.TRUST_AND_A_CERTIFICATE:
        cert = folder / "client.pem"
    if cert is None:
        return Target(address, name, settings.trust, anchors, crls, None)
    credential = read_credential(
        cert,
        settings.key or cert.parent / f"{cert.stem}.key",
        "`pki init` creates client.pem; or present another with --cert FILE",
    )
    return Target(address, name, settings.trust, anchors, crls, credential)


def line_to_send(given: str | None) -> str:
    """The line to send: --message, else standard input, else a default."""
    text = given if given is not None else _piped()
    if text is None:
        return DEFAULT_MESSAGE
    if "\n" in text or "\r" in text:
        raise Problem("the message has more than one line", hint="send one line at a time", code=ExitCode.USAGE)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Problem("the message is not UTF-8", hint="send UTF-8 text", code=ExitCode.USAGE) from None
    if size >= MAX_LINE:
        raise _too_long()
    return text


def _piped() -> str | None:
    """Standard input without its last newline, if it is a pipe or a file; None if there is none or it is empty."""
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
        raise Problem("standard input is not UTF-8", hint="send UTF-8 text", code=ExitCode.USAGE) from None


def _too_long() -> Problem:
    fact = f"the message is longer than {MAX_LINE - 1} bytes"
    return Problem(fact, hint="send it in parts", code=ExitCode.USAGE)


def print_answer(answer: bytes) -> None:
    """Print the answer line by line, with control characters escaped."""
    if not answer:
        remark("the server sent close_notify and no data")
        return
    for line in answer.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        print(printable(line.removesuffix("\r")))


def presented(certificate: peer.Description) -> list[str]:
    """Evidence lines about a certificate that was refused."""
    return [f"presented:  {certificate.shown}; {certificate.validity}", f"            issued by {certificate.issuer}"]


def tell(title: str, text: str) -> None:
    """Print one step for --explain to stderr: a label, and a paragraph beside it."""
    for number, line in enumerate(textwrap.wrap(printable(text), 58)):
        remark(f"  {title if number == 0 else '':<18}{line}")


def be_brief(title: str, text: str) -> None:
    """Print nothing: used without --explain."""
