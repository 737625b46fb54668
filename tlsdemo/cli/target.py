"""What a client needs before it connects: address, trust anchors, message. EDGE: reads files and stdin."""

import os
import select
import shlex
import stat
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from pki import Credential, names
from pki.console import dir_option, remark
from pki.errors import ExitCode, Problem, cannot, printable
from pki.store.files import crls_beside, read_anchors, read_credential, read_crls
from pki.store.transaction import notice_around
from tlsdemo import net, peer
from tlsdemo.application import MAX_LINE
from tlsdemo.cli.position import ATTACKER_PORT, SERVER_PORT, server_command
from tlsdemo.cli.protocol_names import TLS

if TYPE_CHECKING:
    from tlsdemo.cli.recording import Recorder

DEFAULT_MESSAGE = "my important message"


@dataclass(frozen=True)
class ConnectOptions:
    """The options of the command."""

    address: str
    protocol: str
    group: str | None
    cipher: str | None
    alpn: str | None
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
    capture: Path | None


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


def recording(settings: ConnectOptions, target: Target) -> "AbstractContextManager[Recorder | None]":
    """A context with a recorder, if --capture or --explain needs the bytes of the connection; else None."""
    if not (settings.capture or settings.explain):
        return nullcontext()
    from tlsdemo.cli import recording  # it imports all that explains; other connections need not wait for that

    return recording.recording(settings, target)


def to_send(given: str | None) -> str | Iterator[str]:
    """The line to send, or several: --message, else standard input if it is piped, else a default.

    `-`, and piped input of more than one line, are several lines. Each is read when it is asked for; Problem if it
    cannot be sent.
    """
    if given == "-":
        return _lines()
    if given is None:
        return _piped()
    if "\n" in given or "\r" in given:
        hint = "--message - sends each line of standard input"
        raise Problem("the message has more than one line", hint=hint, code=ExitCode.USAGE)
    return _checked(given, "the message")


def _checked(text: str, what: str) -> str:
    """The text. Problem if it cannot be sent as one line."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Problem(f"{what} is not UTF-8", hint="send UTF-8 text", code=ExitCode.USAGE) from None
    if "\r" in text:
        fact = f"{what} contains a carriage return"
        raise Problem(fact, hint="end each line with a newline", code=ExitCode.USAGE)
    if size >= MAX_LINE:
        fact = f"{what} is longer than {MAX_LINE - 1} bytes"
        raise Problem(fact, hint="send it in parts", code=ExitCode.USAGE)
    return text


def _piped() -> str | Iterator[str]:
    """Standard input, if it is a pipe or a file and is not empty: its only line, or its lines."""
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # no standard input at all
        return DEFAULT_MESSAGE
    if not (stat.S_ISFIFO(kind) or stat.S_ISREG(kind)):
        return DEFAULT_MESSAGE
    if stat.S_ISFIFO(kind) and not select.select([sys.stdin], [], [], 1.0)[0]:
        remark("reading the message from standard input")
    lines = _lines()
    begun = list(islice(lines, 2))  # the second one, to know whether there are several
    return chain(begun, lines) if len(begun) == 2 else begun[0] if begun else DEFAULT_MESSAGE


def _lines() -> Iterator[str]:
    """The lines of standard input. The last one needs no newline."""
    number = 0
    while data := _read_line():
        number += 1
        what = f"line {number} of standard input"
        try:
            text = data.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            text = data.decode(errors="surrogateescape")
        yield _checked(text, what)


def _read_line() -> bytes:
    """The next line of standard input, or the beginning of one that is too long; b"" at the end."""
    try:
        return sys.stdin.buffer.readline(MAX_LINE + 2) if sys.stdin else b""
    except OSError as error:
        raise cannot("read standard input", error) from None


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
