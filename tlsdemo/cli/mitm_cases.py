"""`tlsdemo mitm --case`, `--cycle`: a man in the middle that presents test certificates. EDGE.

    client -- ClientHello with a name --> [the next case, minted now for this name | checks nothing] --> server

The certificates are signed with the root's key from the folder. A client that trusts root.pem must notice the
one fault; otherwise the attacker reads what it sends.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from shlex import quote

from pki.cases import Must
from pki.console import CERTS
from pki.errors import ExitCode, Problem
from tlsdemo import net
from tlsdemo.attack.by_server_name import TLS_HELLO, Disguised
from tlsdemo.attack.conclusions import conclusion, is_alert, told
from tlsdemo.attack.interceptor import Interceptor
from tlsdemo.cli import case_minting
from tlsdemo.cli.case_minting import VerifiedCase
from tlsdemo.cli.case_rotation import Rotation, asked_for
from tlsdemo.cli.listening import ListeningCommand, Result
from tlsdemo.cli.position import Position, not_connected, run_on_path
from tlsdemo.cli.reporter import Reporter
from tlsdemo.lab.context import LabCiphers
from tlsdemo.protocol import Attacker, Side
from tlsdemo.tls import errors
from tlsdemo.tls.context import Verify, client_context
from tlsdemo.tls.endpoint import TlsEndpoint
from tlsdemo.wire import first_flight


class MitmEnd(Enum):
    """How a connection ended for the attacker."""

    READ = "read"
    REFUSED = "refused"
    LEFT = "silent"
    """The client completed its handshake and sent nothing; it may have checked the certificate only then."""
    UNFIT = "unfit"
    """The client's offer does not fit the key of the case."""
    CUT = "cut"
    """The server closed the connection first, or the command was stopped."""


Tally = dict[VerifiedCase, Counter[MitmEnd]]
"""By case: the ends of the connections on which it was presented."""


def cycle(cases: Sequence[str], where: Position, certs: Path, alter: Mapping[bytes, bytes], once: bool) -> int:
    """Present these cases in turn (default: all that must be refused), until a signal or for one connection."""
    certificates = case_minting.chosen(cases) if cases else case_minting.to_be_refused()
    now = datetime.now(UTC)
    authority = case_minting.open_authority(certs, now)
    rotation = Rotation.of([case_minting.verified(each, now) for each in certificates], authority)
    if rotation.left_out and (cases or not rotation.cases):
        case, reason = next(iter(rotation.left_out.items()))
        raise Problem(
            f"{case} cannot be presented here",
            reason,
            hint="use `tlsdemo lab`, which has its own root; --cycle omits the case",
        )
    report, tally = Reporter(), Tally({case: Counter() for case in rotation.cases})
    upstream = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO, ciphers=LabCiphers.ANYTHING)
    command = ListeningCommand(report, once=once)

    def on_line(peer: str) -> Disguised[VerifiedCase]:
        return Disguised(lambda first: begin(peer, first), TLS_HELLO)

    def begin(peer: str, first: bytes) -> "tuple[VerifiedCase, Interceptor]":
        """Called with the ClientHello. Its server_name, if any, is also the name in the connection to the server."""
        server_name = first_flight.server_name(first)
        asked = asked_for(server_name, peer, where)
        case, context, skipped = rotation.next_for(asked)
        for line in skipped:
            report.say(f"{peer}  {line}")
        upstream_name = str(asked) if server_name else where.upstream.host
        facing = {
            Side.CLIENT: TlsEndpoint(Side.SERVER, context),
            Side.SERVER: TlsEndpoint(Side.CLIENT, upstream, upstream_name),
        }
        label = _label(case)
        return case, Interceptor(facing, alter, lambda read: report.say(f"{peer}  {label}  {told(read)}"))

    def on_end(peer: str, attacker: Attacker, problem: Problem | None) -> Result:
        assert isinstance(attacker, Disguised)
        attacker.problem = attacker.problem or problem
        tell_end(peer, attacker, problem, stopping=command.stopping)
        return attacker.problem or (ExitCode.YES if attacker.end is MitmEnd.READ else ExitCode.NO)

    def tell_end(peer: str, attacker: Disguised[VerifiedCase], unreachable: Problem | None, *, stopping: bool) -> None:
        if unreachable:
            report.say(f"{peer}  {not_connected(unreachable, where.upstream)}", "")
        elif attacker.problem:
            report.say(*(f"{peer}  {line}" for line in (attacker.problem.fact, *attacker.problem.evidence)), "")
        elif attacker.inside is None:
            report.say(f"{peer}  closed the connection before the ClientHello", "")
        else:
            case, inside = attacker.inside
            cut_off = stopping or attacker.first_to_leave is Side.SERVER
            attacker.end = _end(inside, cut_off)
            tally[case][attacker.end] += 1
            report.say(f"{peer}  {_label(case)}  {_conclusion(inside, attacker.end)}", "")

    def afterwards() -> Iterable[str]:
        return () if command.result is not None else _table(tally)

    def introduction(address: net.Address) -> list[str]:
        return [*_introduction(rotation, where, address, certs, alter)]

    return run_on_path(where, command, introduction, on_line, on_end, afterwards)


# How it ended --------------------------------------------------------------------------------------------------------


def _end(inside: Interceptor, cut_off: bool) -> MitmEnd:
    client = inside.facing[Side.CLIENT]
    if inside.read[Side.CLIENT]:
        return MitmEnd.READ
    if client.error is None:
        return MitmEnd.LEFT if client.accepted and not cut_off else MitmEnd.CUT
    if is_alert(client.error):
        return MitmEnd.REFUSED
    if errors.is_gone(client.error):  # many clients send no alert; but the server may have closed first
        return MitmEnd.CUT if cut_off else MitmEnd.REFUSED
    return MitmEnd.UNFIT


# Telling ------------------------------------------------------------------------------------------------------------


def _label(case: VerifiedCase) -> str:
    return f"{case.id} ({case.certificate.clause})"


def _conclusion(inside: Interceptor, end: MitmEnd) -> str:
    if end is MitmEnd.CUT:
        return "the connection ended before the client decided; read: nothing"
    error = inside.facing[Side.CLIENT].error
    if end is MitmEnd.REFUSED and error and not is_alert(error):
        return "REFUSED by the client: it closed the connection during the handshake, without an alert; read: nothing"
    return conclusion(inside)


def _introduction(
    rotation: Rotation, where: Position, address: net.Address, certs: Path, alter: Mapping[bytes, bytes]
) -> Iterator[str]:
    root = certs / "root.pem"
    yield f"listening on {address}, man in the middle in front of {where.upstream} (tls)"
    yield "  the attacker does not check the server; to the client it presents a test certificate"
    yield f"  for the name that the client asks for, issued on the spot with the key of {root}"
    if len(rotation.cases) == 1:
        only = rotation.cases[0].certificate
        yield from _wrapped(f"{only.id} ({only.clause}): {only.summary}")
    else:
        yield f"  each connection gets the next of {len(rotation.cases)} cases:"
        yield from _wrapped(", ".join(case.id for case in rotation.cases), 4)
    for reason in dict.fromkeys(rotation.left_out.values()):
        alike = [case for case, why in rotation.left_out.items() if why == reason]
        yield from _wrapped(f"left out: {', '.join(alike)}: {reason}")
    yield from (f"  altering {old!r}" for old in alter)
    yield ""
    yield "  in another terminal:"
    yield f"    tlsdemo connect {address}{'' if root == CERTS / 'root.pem' else f' --trust {quote(str(root))}'}"
    yield f"    curl --cacert {quote(str(root))} https://{address}/"
    yield ""


def _wrapped(text: str, indent: int = 2) -> list[str]:
    blank = " " * indent
    return textwrap.wrap(
        text, 100, initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False, break_long_words=False
    )


MEANINGS = {
    MitmEnd.LEFT: "silent: the client completed its handshake and sent nothing; some check the certificate only then",
    MitmEnd.UNFIT: "unfit: the client does not support the key of the case, so it did not see the certificate",
    MitmEnd.CUT: "cut: the connection ended before the client decided",
}


def _table(tally: Tally) -> Iterator[str]:
    """One line for each case that was presented, and the cases that clients accepted."""
    shown = {case: ends for case, ends in tally.items() if ends}
    if not shown:
        yield "no client connected"
        return
    columns = [end for end in MitmEnd if end not in MEANINGS or any(ends[end] for ends in shown.values())]
    width = max(len(case.id) for case in shown)
    yield f"{'case':<{width}}  connections" + "".join(f"{end.value:>9}" for end in columns)
    for case, ends in shown.items():
        yield f"{case.id:<{width}}  {ends.total():>11}" + "".join(f"{ends[end]:>9}" for end in columns)
    yield ""
    yield from (sentence for end, sentence in MEANINGS.items() if end in columns)
    if len(shown) < len(tally):
        yield f"{len(shown)} of {len(tally)} cases were presented"
    read = {
        must: [each.id for each, ends in shown.items() if ends[MitmEnd.READ] and each.certificate.must is must]
        for must in Must
    }
    if read[Must.ACCEPT]:
        valid = ", ".join(read[Must.ACCEPT])
        yield f"the attacker read data with valid cases, since the CA's key signed them: {valid}"
    if read[Must.REJECT]:
        yield f"the attacker read data with cases that a client must refuse: {', '.join(read[Must.REJECT])}"
    asked = [each.id for each, ends in shown.items() if each.certificate.must is Must.REJECT and ends[MitmEnd.REFUSED]]
    if asked and not read[Must.REJECT]:
        yield f"clients refused each bad case on which they decided: {', '.join(asked)}"
