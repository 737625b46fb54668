"""`tlsdemo mitm`: the man in the middle, live; two handshakes back to back, with a certificate of his. EDGE."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pki import names
from pki.console import note
from pki.errors import ExitCode, Problem
from pki.store.transaction import notice_half_done
from tlsdemo import net
from tlsdemo.attack import catalogue
from tlsdemo.attack.by_server_name import LINE, TLS_HELLO, Disguised
from tlsdemo.attack.conclusions import conclusion, told
from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.cli.listening import ListeningCommand, Result
from tlsdemo.cli.mitm_attack import is_on_the_line, meddle
from tlsdemo.cli.mitm_cases import cycle
from tlsdemo.cli.position import Position, place, sit
from tlsdemo.cli.protocol_options import TLS, agrees_with_its_certificate, educational, forbid_for_tls, party, rung
from tlsdemo.cli.reporter import Reporter
from tlsdemo.credentials import kinds
from tlsdemo.credentials.folder import Folder
from tlsdemo.credentials.kinds import Kind
from tlsdemo.protocol import Attacker, Party, Protection, Protocol, Side
from tlsdemo.tls.protocol import CLAIMS, tls


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


def mitm(settings: MitmOptions) -> int:
    """Run until a signal, or for one conversation; the exit code."""
    _forbid_together(settings)
    where = place(settings.upstream, settings.listen)
    notice_half_done(settings.certs)  # before anything is read
    alter = _alterations(settings.alter)
    if settings.case or settings.cycle:
        return cycle(settings.case, where, settings.certs, alter, settings.once)
    folder = Folder(settings.certs)
    kind = kinds.BY_ID[settings.credential] if settings.credential else kinds.ROGUE
    if settings.attack is not None:
        if is_on_the_line(settings.attack):
            return meddle(settings.attack, _protocol(settings), where, settings.certs, settings.once)
        kind = catalogue.BY_ID[settings.attack].presents or kind
    protocol = _protocol(settings)
    own = _party(settings, folder, kind, protocol)
    protocol.server(own)  # a certificate that OpenSSL does not load is a Problem now, not in the first conversation
    mints = kind.per_client and own.credential is not None
    report = Reporter()

    def interceptor(peer: str, party: Party) -> Interceptor:
        facing = {Side.CLIENT: protocol.server(party), Side.SERVER: protocol.client(own)}
        return Interceptor(facing, alter, lambda read: report.say(f"{peer}  {told(read)}"))

    def minting(peer: str) -> Disguised[None]:
        """With the CA's key: the certificate is for the name that the client asks for."""
        hello = TLS_HELLO if settings.protocol == TLS else LINE

        def begin(first: bytes) -> tuple[None, Interceptor]:
            name = hello.name(first)
            minted = (folder if name is None else folder.minting_for(name)).credential(kind)
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
        where, command, lambda address: _introduction(settings, folder, kind, protocol, where, address), on_line, on_end
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
    if Protection.REVOCATION in claims and not Folder(settings.certs).crls:
        claims -= {Protection.REVOCATION}
    return educational(claims, Side.CLIENT, group=settings.group, story=False)


def _party(settings: MitmOptions, folder: Folder, kind: Kind, protocol: Protocol) -> Party:
    """His certificate; and, for his own handshake with the server, what everybody may know: its root and its name."""
    agrees = agrees_with_its_certificate(protocol.claims)
    if Protection.POSSESSION not in protocol.claims and not agrees:
        if kind is not kinds.ROGUE:
            note(f"--protocol {settings.protocol} shows no certificate: --credential is of no use")
        return party()
    name = names.reference(folder.server_name)
    return party(folder.credential(kind), folder.anchors, folder.crls, name)


# Telling ------------------------------------------------------------------------------------------------------------


def _introduction(
    settings: MitmOptions, folder: Folder, kind: Kind, protocol: Protocol, where: Position, address: net.Address
) -> list[str]:
    shows = Protection.POSSESSION in protocol.claims
    options = "" if settings.protocol == TLS else f" --protocol {settings.protocol}"
    options += f" --group {settings.group}" if settings.group else ""
    options += "".join(f" --without {shlex.quote(each)}" for each in settings.without)
    trust = shlex.quote(str(settings.certs / "root.pem"))
    if Protection.CHAIN in protocol.claims and not folder.covers(address.host):
        options += f" --name {folder.server_name}"
    if Protection.CHAIN in protocol.claims and trust != "certs/root.pem":
        options += f" --trust {trust}"
    return [
        f"listening on {address}, in the middle before {where.upstream} ({protocol.name})",
        f"  with {kind.mitm if shows else 'no certificate: none is asked for'}",
        *(f"  altering {old!r}" for old in settings.alter),
        "",
        "  in another terminal:",
        f"    tlsdemo connect {address}{options}",
        "",
    ]
