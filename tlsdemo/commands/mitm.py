"""`tlsdemo mitm`: the man in the middle, live; two handshakes back to back, with a certificate of his. EDGE."""

import shlex
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pki import names
from pki.console import note
from pki.errors import ExitCode, Problem, printable
from pki.transaction import recover
from tlsdemo import net
from tlsdemo.attack.interceptor import Interceptor, Read
from tlsdemo.commands.line import Place, place, sit
from tlsdemo.commands.meddle import is_on_the_line, meddle
from tlsdemo.commands.protocols import TLS, agrees_with_its_certificate, educational, forbid_for_tls, party, rung
from tlsdemo.commands.reporter import Reporter
from tlsdemo.credentials import covers, credential, revocation_lists, server_name, trust
from tlsdemo.edu.violations import ProtocolError, Violation
from tlsdemo.protocol import Attacker, Party, Protection, Protocol, Side
from tlsdemo.tls import refusal
from tlsdemo.tls.protocol import CLAIMS, tls

WITH = {
    "rogue": "the rogue's certificate: the right names, signed by an imitation of the root",
    "self-signed": "a certificate that vouches for itself",
    "stranger": "a certificate by an authority that nobody here trusts",
    "stolen": "the server's own certificate and KEY, stolen: to a client he is the server",
    "copied": "the server's own certificate, copied; not its key",
    "other-host": "a good certificate by the same authority, for his own host, evil.example",
    "expired": "a certificate for the server's names by its authority, which expired a minute ago",
    "stolen-authority": "a certificate that he minted with the authority's stolen key",
}


@dataclass(frozen=True)
class Settings:
    """The options of the command."""

    upstream: str
    listen: str
    protocol: str
    group: str | None
    without: Sequence[str]
    credential: str
    certs: Path
    alter: Sequence[str]
    attack: str | None
    once: bool


SHOWS: Mapping[str, str] = {
    "man-in-the-middle": "rogue",
    "copied-certificate": "copied",
    "other-host": "other-host",
    "expired": "expired",
    "stolen-key": "stolen",
    "stolen-authority": "stolen-authority",
}
"""Attacks by one who has a certificate, and which."""


def mitm(settings: Settings) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    where = place(settings.upstream, settings.listen)
    recover(settings.certs)  # before anything is read
    alter = _alterations(settings.alter)
    if settings.attack is not None:
        if is_on_the_line(settings.attack):
            return meddle(settings.attack, _protocol(settings), where, settings.certs, settings.once)
        settings = replace(settings, credential=SHOWS[settings.attack])
    protocol = _protocol(settings)
    own = _party(settings, where, protocol)
    report = Reporter()
    ended: list[tuple[Attacker, Problem | None]] = []

    def on_line(peer: str) -> Interceptor:
        facing = {Side.CLIENT: protocol.server(own), Side.SERVER: protocol.client(own)}
        return Interceptor(facing, alter, lambda read: report.say(_told(peer, read)))

    def on_end(middle: net.Middle, peer: str, attacker: Attacker, problem: Problem | None) -> None:
        assert isinstance(attacker, Interceptor)
        report.say(f"{peer}  {f'not connected: {problem.fact}' if problem else _conclusion(attacker)}", "")
        if settings.once:
            ended.append((attacker, problem))
        if settings.once or report.failure:
            middle.stop()

    sit(where, report, lambda address: _introduction(settings, protocol, where, address), on_line, on_end)
    if settings.once and ended:
        attacker, problem = ended[0]
        if problem:
            raise problem
        assert isinstance(attacker, Interceptor)
        return ExitCode.YES if attacker.read[Side.CLIENT] else ExitCode.NO
    return ExitCode.YES


def _alterations(options: Sequence[str]) -> dict[bytes, bytes]:
    found = {}
    for option in options:
        old, equals, new = option.partition("=")
        if not (old and equals):
            hint = "--alter 'PAY 100=PAY 900'"
            raise Problem(f"{option!r} is not OLD=NEW", hint=hint, code=ExitCode.USAGE)
        try:
            found[old.encode()] = new.encode()
        except UnicodeEncodeError:
            raise Problem("--alter takes UTF-8 text", hint="these bytes are not", code=ExitCode.USAGE) from None
    return found


def _protocol(settings: Settings) -> Protocol:
    """The very protocol that the two others speak."""
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=False, without=settings.without)
        return tls(CLAIMS)
    claims = rung(settings.protocol, settings.without)
    if Protection.REVOCATION in claims and not revocation_lists(settings.certs):
        claims -= {Protection.REVOCATION}
    return educational(claims, Side.CLIENT, group=settings.group, story=False)


def _party(settings: Settings, where: Place, protocol: Protocol) -> Party:
    """His certificate; and, for his own handshake with the server, what everybody may know: its root and its name."""
    agrees = agrees_with_its_certificate(protocol.claims)
    if Protection.POSSESSION not in protocol.claims and not agrees:
        if settings.credential != "rogue":
            note(f"--protocol {settings.protocol} shows no certificate: --credential is of no use")
        return party()
    shown = credential(settings.credential, settings.certs)
    name = names.reference(server_name(settings.certs))
    return party(shown, trust(settings.certs), revocation_lists(settings.certs), name)


# Telling ------------------------------------------------------------------------------------------------------------


def _introduction(settings: Settings, protocol: Protocol, where: Place, address: net.Address) -> list[str]:
    shows = Protection.POSSESSION in protocol.claims
    options = "" if settings.protocol == TLS else f" --protocol {settings.protocol}"
    options += f" --group {settings.group}" if settings.group else ""
    options += "".join(f" --without {shlex.quote(each)}" for each in settings.without)
    trust = shlex.quote(str(settings.certs / "root.pem"))
    if Protection.CHAIN in protocol.claims and not covers(settings.certs, address.host):
        options += f" --name {server_name(settings.certs)}"
    if Protection.CHAIN in protocol.claims and trust != "certs/root.pem":
        options += f" --trust {trust}"
    return [
        f"listening on {address}, in the middle before {where.upstream} ({protocol.name})",
        f"  with {WITH[settings.credential] if shows else 'no certificate: none is asked for'}",
        *(f"  altering {old!r}" for old in settings.alter),
        "",
        "  in another terminal:",
        f"    tlsdemo connect {address}{options}",
        "",
    ]


def _told(peer: str, read: Read) -> str:
    said = printable(repr(read.said.decode("utf-8", "replace")))
    if read.said == read.passed_on:
        return f"{peer}  READ from the {read.sender.value}: {said}"
    if not read.passed_on:
        return f"{peer}  READ from the {read.sender.value}: {said}; not passed on"
    altered = printable(repr(read.passed_on.decode("utf-8", "replace")))
    return f"{peer}  READ from the {read.sender.value}: {said}, PASSED ON as {altered}"


def _conclusion(attacker: Interceptor) -> str:
    refused, upstream = attacker.facing[Side.CLIENT].error, attacker.facing[Side.SERVER].error
    if not attacker.read[Side.CLIENT]:
        return f"{_why(refused) if refused else 'the client left without a message'}; read: nothing"
    if upstream and _is_alert(upstream):
        return f"the client noticed nothing; the server let nobody in: {_sentence(upstream)}"
    if refused:
        return (
            f"read, and then {'the client gave up' if _is_alert(refused) else 'the line was cut'}: {_sentence(refused)}"
        )
    if upstream:
        return f"the line was cut, before both had said all: {_sentence(upstream)}"
    return "the channel has told neither of them: each has talked to him"


def _why(error: Exception) -> str:
    return f"{'REFUSED by the client' if _is_alert(error) else 'they did not come together'}: {_sentence(error)}"


def _is_alert(error: Exception) -> bool:
    """Whether the other side said that it refuses; all else was found on his own side."""
    if isinstance(error, ProtocolError):
        return error.violation is Violation.ALERT
    return isinstance(error, ssl.SSLError) and refusal.alert(error) is not None


def _sentence(error: Exception) -> str:
    if isinstance(error, ProtocolError) and error.violation is Violation.ALERT:
        return f"alert {printable(error.detail)}"
    return printable(refusal.sentence(error) if isinstance(error, OSError) else str(error))
