"""`tlsdemo mitm`: a man in the middle on a real connection, with a certificate of the attacker. EDGE."""

import shlex
from collections.abc import Sequence
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
from tlsdemo.cli.mitm_attack import is_on_path, known, run_attack
from tlsdemo.cli.mitm_cases import cycle
from tlsdemo.cli.position import Position, not_connected, place, run_on_path
from tlsdemo.cli.protocol_options import (
    TLS,
    TLS13,
    agrees_with_its_certificate,
    educational,
    forbid_for_tls,
    own_tls,
    party,
    rung,
)
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
    """Run until a signal, or for one connection with --once. Returns the exit code."""
    _forbid_together(settings)
    where = place(settings.upstream, settings.listen)
    notice_half_done(settings.certs)  # before any file is read
    alter = _alterations(settings.alter)
    if settings.case or settings.cycle:
        return cycle(settings.case, where, settings.certs, alter, settings.once)
    folder = Folder(settings.certs)
    kind = kinds.BY_ID[settings.credential] if settings.credential else kinds.ROGUE
    if settings.attack is not None:
        attack = known(settings.attack)
        if is_on_path(attack.id):
            return run_attack(attack, _protocol(settings), where, settings.certs, settings.once)
        kind = attack.presents or kind
    protocol = _protocol(settings)
    own = _party(settings, folder, kind, protocol)
    protocol.server(own)  # raises Problem now for a certificate that OpenSSL does not load
    mints = kind.per_client and own.credential is not None
    report = Reporter()

    def interceptor(peer: str, party: Party) -> Interceptor:
        facing = {Side.CLIENT: protocol.server(party), Side.SERVER: protocol.client(own)}
        return Interceptor(facing, alter, lambda read: report.say(f"{peer}  {told(read)}"))

    def minting(peer: str) -> Disguised[None]:
        """An attacker with the CA's key: it presents a certificate for the name that the client asks for."""
        hello = TLS_HELLO if settings.protocol in (TLS, TLS13) else LINE

        def begin(first: bytes) -> tuple[None, Interceptor]:
            name = hello.name(first)
            minted = (folder if name is None else folder.minting_for(name)).credential(kind)
            return None, interceptor(peer, replace(own, credential=minted))

        return Disguised(begin, hello)

    def on_line(peer: str) -> Attacker:
        return minting(peer) if mints else interceptor(peer, own)

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> Result:
        acting, failed = _acting(attacker)
        how = conclusion(acting) if acting else "the client closed before it sent a complete ClientHello"
        how = failed.fact if failed else how
        report.say(f"{peer}  {not_connected(problem, where.upstream, _of_protocol(settings)) if problem else how}", "")
        return problem or failed or (ExitCode.YES if acting and acting.read[Side.CLIENT] else ExitCode.NO)

    command = ListeningCommand(report, once=settings.once)
    return run_on_path(
        where, command, lambda address: _introduction(settings, folder, kind, protocol, where, address), on_line, on_end
    )


def _acting(attacker: Attacker) -> tuple[Interceptor | None, Problem | None]:
    """The Interceptor of a conversation, or None if it was not started; and the Problem that prevented it."""
    if isinstance(attacker, Disguised):
        return attacker.inside[1] if attacker.inside else None, attacker.problem
    assert isinstance(attacker, Interceptor)
    return attacker, None


def _forbid_together(settings: MitmOptions) -> None:
    """Raise Problem for options that exclude each other."""
    if settings.attack and (settings.credential or settings.alter):
        option = "--credential" if settings.credential else "--alter"
        fact = f"--attack and {option} are mutually exclusive"
        raise Problem(fact, hint=f"leave out {option}", code=ExitCode.USAGE)
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
        fact = f"{option} and {' and '.join(found)} are mutually exclusive"
        raise Problem(fact, hint=f"leave out {option}, or {' and '.join(found)}", code=ExitCode.USAGE)
    forbid_for_tls(group=settings.group, story=False, without=settings.without)


def _alterations(options: Sequence[str]) -> dict[bytes, bytes]:
    found = {}
    for option in options:
        old, equals, new = option.partition("=")
        if not (old and equals):
            hint = "for example --alter 'PAY 100=PAY 900'"
            raise Problem(f"--alter {option!r} is not OLD=NEW", hint=hint, code=ExitCode.USAGE)
        try:
            found[old.encode()] = new.encode()
        except UnicodeEncodeError:
            raise Problem(f"--alter {option!r} is not UTF-8 text", hint="use UTF-8", code=ExitCode.USAGE) from None
    return found


def _protocol(settings: MitmOptions) -> Protocol:
    """The protocol of client and server."""
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=False, without=settings.without)
        return tls(CLAIMS)
    claims = rung(settings.protocol, settings.without)
    if Protection.REVOCATION in claims and not Folder(settings.certs).crls:
        claims -= {Protection.REVOCATION}
    if settings.protocol == TLS13:
        return own_tls(claims - {Protection.CLIENT_IDENTITY}, group=settings.group)
    return educational(claims, Side.CLIENT, group=settings.group, story=False)


def _party(settings: MitmOptions, folder: Folder, kind: Kind, protocol: Protocol) -> Party:
    """The attacker: its certificate and, for its handshake with the server, the public root and server name."""
    agrees = agrees_with_its_certificate(protocol.claims)
    if Protection.POSSESSION not in protocol.claims and not agrees:
        if kind is not kinds.ROGUE:
            note(f"--credential has no effect: --protocol {settings.protocol} presents no certificate")
        return party()
    name = names.reference(folder.server_name)
    return party(folder.credential(kind), folder.anchors, folder.crls, name)


def _of_protocol(settings: MitmOptions) -> str:
    """The options by which client and server use the same protocol."""
    options = "" if settings.protocol == TLS else f" --protocol {settings.protocol}"
    options += f" --group {settings.group}" if settings.group else ""
    return options + "".join(f" --without {shlex.quote(each)}" for each in settings.without)


# The banner ---------------------------------------------------------------------------------------------------------


def _introduction(
    settings: MitmOptions, folder: Folder, kind: Kind, protocol: Protocol, where: Position, address: net.Address
) -> list[str]:
    presents = Protection.POSSESSION in protocol.claims
    options = _of_protocol(settings)
    trust = shlex.quote(str(settings.certs / "root.pem"))
    if Protection.CHAIN in protocol.claims and not folder.covers(address.host):
        options += f" --name {folder.server_name}"
    if Protection.CHAIN in protocol.claims and trust != "certs/root.pem":
        options += f" --trust {trust}"
    return [
        f"listening on {address}, man in the middle in front of {where.upstream} ({protocol.name})",
        f"  presenting {kind.mitm if presents else 'no certificate: this protocol has none'}",
        *(f"  replacing {old!r}" for old in settings.alter),
        "",
        "  in another terminal:",
        f"    tlsdemo connect {address}{options}",
        "",
    ]
