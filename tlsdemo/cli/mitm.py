"""`tlsdemo mitm`: the man in the middle, live; two handshakes back to back, with a certificate of his. EDGE."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pki import names
from pki.console import note
from pki.errors import ExitCode, Problem
from pki.store.transaction import notice_half_done
from tlsdemo import net
from tlsdemo.attack.by_server_name import LINE, TLS_HELLO, Disguised
from tlsdemo.attack.conclusions import conclusion, told
from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.cli.listening import ListeningCommand, Result
from tlsdemo.cli.mitm_attack import is_on_the_line, meddle
from tlsdemo.cli.mitm_cases import cycle
from tlsdemo.cli.position import Position, place, sit
from tlsdemo.cli.protocol_options import TLS, agrees_with_its_certificate, educational, forbid_for_tls, party, rung
from tlsdemo.cli.reporter import Reporter
from tlsdemo.credentials.folder import covers, credential, revocation_lists, server_name, stolen_authority, trust
from tlsdemo.protocol import Attacker, Party, Protection, Protocol, Side
from tlsdemo.tls.protocol import CLAIMS, tls

WITH = {
    "rogue": "the rogue's certificate: the right names, signed by an imitation of the root",
    "self-signed": "a certificate that vouches for itself",
    "stranger": "a certificate by an authority that nobody here trusts",
    "stolen": "the server's own certificate and KEY, stolen: to a client he is the server",
    "copied": "the server's own certificate, copied; not its key",
    "other-host": "a good certificate by the same authority, for his own host, evil.example",
    "expired": "a certificate for the server's names by its authority, which expired a minute ago",
    "stolen-authority": "a certificate for the name that each client asks for, minted with the CA's stolen key",
}


@dataclass(frozen=True)
class MitmOptions:
    """The options of the command."""

    upstream: str
    listen: str
    protocol: str
    group: str | None
    without: Sequence[str]
    credential: str | None
    certs: Path
    alter: Sequence[str]
    attack: str | None
    case: Sequence[str]
    cycle: bool
    once: bool


ROGUE = "rogue"
SHOWS: Mapping[str, str] = {
    "man-in-the-middle": ROGUE,
    "copied-certificate": "copied",
    "other-host": "other-host",
    "expired": "expired",
    "stolen-key": "stolen",
    "stolen-authority": "stolen-authority",
}
"""Attacks by one who has a certificate, and which."""


def mitm(settings: MitmOptions) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    _forbid_together(settings)
    where = place(settings.upstream, settings.listen)
    notice_half_done(settings.certs)  # before anything is read
    alter = _alterations(settings.alter)
    if settings.case or settings.cycle:
        return cycle(settings.case, where, settings.certs, alter, settings.once)
    shown = settings.credential or ROGUE
    if settings.attack is not None:
        if is_on_the_line(settings.attack):
            return meddle(settings.attack, _protocol(settings), where, settings.certs, settings.once)
        shown = SHOWS[settings.attack]
    protocol = _protocol(settings)
    own = _party(settings, shown, protocol)
    protocol.server(own)  # a certificate that OpenSSL does not load is a Problem now, not in the first conversation
    mints = shown == "stolen-authority" and own.credential is not None
    report = Reporter()

    def interceptor(peer: str, party: Party) -> Interceptor:
        facing = {Side.CLIENT: protocol.server(party), Side.SERVER: protocol.client(own)}
        return Interceptor(facing, alter, lambda read: report.say(f"{peer}  {told(read)}"))

    def minting(peer: str) -> Disguised[None]:
        """With the CA's key: the certificate is for the name that the client asks for."""
        hello = TLS_HELLO if settings.protocol == TLS else LINE

        def begin(first: bytes) -> tuple[None, Interceptor]:
            minted = stolen_authority(settings.certs, hello.name(first))
            return None, interceptor(peer, replace(own, credential=minted))

        return Disguised(begin, hello)

    def on_line(peer: str) -> Attacker:
        return minting(peer) if mints else interceptor(peer, own)

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> Result:
        acting, failed = _acting(attacker)
        how = conclusion(acting) if acting else "left before it had asked for anything"
        how = failed.fact if failed else how
        report.say(f"{peer}  {f'not connected: {problem.fact}' if problem else how}", "")
        return problem or failed or (ExitCode.YES if acting and acting.read[Side.CLIENT] else ExitCode.NO)

    command = ListeningCommand(report, once=settings.once)
    return sit(
        where, command, lambda address: _introduction(settings, shown, protocol, where, address), on_line, on_end
    )


def _acting(attacker: Attacker) -> tuple[Interceptor | None, Problem | None]:
    """The Interceptor of a conversation; None where it has not begun, and why if it could not."""
    if isinstance(attacker, Disguised):
        return attacker.inside[1] if attacker.inside else None, attacker.problem
    assert isinstance(attacker, Interceptor)
    return attacker, None


def _forbid_together(settings: MitmOptions) -> None:
    """What says twice what he does."""
    if settings.attack and (settings.credential or settings.alter):
        fact = "--attack says already what he does"
        raise Problem(fact, hint="leave out --credential and --alter", code=ExitCode.USAGE)
    if not (settings.case or settings.cycle):
        return
    option = "--case" if settings.case else "--cycle"
    others = {
        "--cycle": settings.case and settings.cycle,
        "--attack": settings.attack,
        "--credential": settings.credential,
        f"--protocol {settings.protocol}": settings.protocol != TLS,
    }
    if found := [other for other, given in others.items() if given]:
        fact = f"{option} is one thing, {' and '.join(found)} another"
        raise Problem(fact, hint="the catalogue's certificates are for TLS: one of the two", code=ExitCode.USAGE)
    forbid_for_tls(group=settings.group, story=False, without=settings.without)


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


def _protocol(settings: MitmOptions) -> Protocol:
    """The very protocol that the two others speak."""
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=False, without=settings.without)
        return tls(CLAIMS)
    claims = rung(settings.protocol, settings.without)
    if Protection.REVOCATION in claims and not revocation_lists(settings.certs):
        claims -= {Protection.REVOCATION}
    return educational(claims, Side.CLIENT, group=settings.group, story=False)


def _party(settings: MitmOptions, shown: str, protocol: Protocol) -> Party:
    """His certificate; and, for his own handshake with the server, what everybody may know: its root and its name."""
    agrees = agrees_with_its_certificate(protocol.claims)
    if Protection.POSSESSION not in protocol.claims and not agrees:
        if shown != ROGUE:
            note(f"--protocol {settings.protocol} shows no certificate: --credential is of no use")
        return party()
    name = names.reference(server_name(settings.certs))
    return party(credential(shown, settings.certs), trust(settings.certs), revocation_lists(settings.certs), name)


# Telling ------------------------------------------------------------------------------------------------------------


def _introduction(
    settings: MitmOptions, shown: str, protocol: Protocol, where: Position, address: net.Address
) -> list[str]:
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
        f"  with {WITH[shown] if shows else 'no certificate: none is asked for'}",
        *(f"  altering {old!r}" for old in settings.alter),
        "",
        "  in another terminal:",
        f"    tlsdemo connect {address}{options}",
        "",
    ]
