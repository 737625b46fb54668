"""Test certificates as text: the catalogue, one case explained and verified, the written files.

Pure, except that some verifiers are other programs.
"""

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509

from pki import names, path
from pki.cases import CATALOGUE, THEMES, CaseBuilder, CertificateCase, Minted, Mode, Must, Served
from pki.cases.case import NO_CODE
from pki.cli import verdict_text
from pki.errors import printable
from pki.malformed import MALFORMED
from pki.objects import summary
from pki.path.request import Request
from pki.verdict import Check, PathProfile, Purpose, Result, Verdict
from pki.verifiers import opinions

if TYPE_CHECKING:
    from pki.store.case_files import MintedFolder

MODES = {
    Mode.PYTHON_3_11: "Python 3.11",
    Mode.PYTHON_3_13: "Python 3.13",
    Mode.LEVEL_0: "security level 0",
    Mode.LEVEL_1: "security level 1",
}
Case = CertificateCase[CaseBuilder]


# The catalogue ------------------------------------------------------------------------------------------------------


def counts() -> str:
    """The number of cases: `124 cases: 82 to reject, 19 to accept, 23 disputed`."""
    found = Counter("disputed" if each.disputed else each.must for each in CATALOGUE.values())
    reject, accept, disputed = (found[kind] for kind in (Must.REJECT, Must.ACCEPT, "disputed"))
    return f"{len(CATALOGUE)} cases: {reject} to reject, {accept} to accept, {disputed} disputed"


def overview() -> Iterator[str]:
    """The catalogue by theme, one line for each case."""
    for title, cases in _by_theme():
        yield from textwrap.wrap(title, 80)
        for each in cases:
            mark = {Must.ACCEPT: "accept", Must.REJECT: "reject"}[each.must]
            yield f"  {each.id:<30}{mark:<8}{each.severity.value}"
        yield ""
    yield f"{counts()}."
    yield "  must           a client that accepts it lets an attacker impersonate hosts"
    yield "  weak           an attacker can exploit it only if a CA also makes a mistake"
    yield "  informational  standards or policies disagree, or the case is about a limit"
    yield "`pki rogue show CASE` explains a case, `pki rogue mint CASE` writes its files."


def _by_theme() -> Iterator[tuple[str, list[Case]]]:
    for theme, title in THEMES.items():
        yield title, [each for each in CATALOGUE.values() if each.theme == theme]


def markdown() -> Iterator[str]:
    """The catalogue as a Markdown table."""
    yield "| case | a strict client | severity | OpenSSL 3.0 (Python 3.11) | (Python 3.13) | clause | certificate |"
    yield "|---|---|---|---|---|---|---|"
    for _, cases in _by_theme():
        for each in cases:
            openssl = [_short(each, mode) for mode in (Mode.PYTHON_3_11, Mode.PYTHON_3_13)]
            cells = [f"`{each.id}`", each.must.value, each.severity.value, *openssl, each.clause, each.summary]
            yield f"| {' | '.join(cells)} |"


def _short(case: Case, mode: Mode) -> str:
    codes = case.openssl[mode]
    if not codes:
        return "accepts"
    return "refuses" if codes == {NO_CODE} else f"refuses: {_numbers(codes)}"


def _numbers(codes: Iterable[int]) -> str:
    return " or ".join(map(str, sorted(codes)))


def as_data(case: Case) -> dict[str, Any]:
    """The case for JSON."""
    return {
        "case": case.id,
        "theme": case.theme,
        "must": case.must.value,
        "severity": case.severity.value,
        "disputed": case.disputed,
        "deviates": list(case.deviates),
        "clause": case.clause,
        "aliases": list(case.aliases),
        "cve": list(case.cve),
        "story": case.story,
        "openssl_3_0": {
            mode.value: {
                "verdict": "reject" if codes else "accept",
                "verify_codes": sorted(code for code in codes if code != NO_CODE),
            }
            for mode, codes in case.openssl.items()
        },
    }


# One of them --------------------------------------------------------------------------------------------------------


def explained(case: Case, minted: Minted, now: datetime) -> Iterator[str]:
    """The story of the case, and the verdicts of several verifiers on it and on its control."""
    demand = "must be accepted" if case.must is Must.ACCEPT else "must be refused"
    yield f"{case.id}: {demand}" + (" (disputed: standards or policies disagree)" if case.disputed else "")
    yield ""
    for paragraph in case.story.split("\n\n"):
        yield from textwrap.wrap(paragraph, 78, initial_indent="  ", subsequent_indent="  ")
        yield ""
    yield f"  clause       {case.clause}"
    yield f"  severity     {case.severity.value}"
    if case.deviates:
        yield f"  deviates in  {', '.join(case.deviates)}"
    if others := [alias for alias in case.aliases if alias != case.id]:
        yield f"  also called  {', '.join(others)}"
    if case.cve:
        yield f"  known from   {', '.join(case.cve)}"
    grouped = _grouped(case)
    for number, (words, modes) in enumerate(grouped.items()):
        where = f": {', '.join(modes)}" if len(grouped) > 1 else ""
        yield f"  {'OpenSSL 3.0' if number == 0 else '':<13}{words}{where}"
    yield ""
    yield f"Minted now and verified; the client asks for {names.display(minted.served.name)}:"
    yield from _told(minted.served, now)
    if case.must is Must.REJECT:
        yield "Its control, the same chain without the deviation:"
        yield from _told(minted.control, now)
    yield ""
    yield "Try it:"
    yield f"  pki rogue mint {case.id}"
    yield f"  pki verify certs/rogues/{case.id}/server.pem \\"
    yield f"    --trust certs/rogues/{case.id}/root.pem{_asking(minted.served.name)}"


def _asking(name: x509.GeneralName) -> str:
    """` --name HOST`, or nothing if `pki verify` does not take this name as a host name."""
    try:
        names.reference(names.plain(name))
    except names.InvalidName:
        return ""
    return f" --name {shlex.quote(names.plain(name))}"


def _grouped(case: Case) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for mode, codes in case.openssl.items():
        known = codes - {NO_CODE}
        words = "accepts" if not codes else f"verify code {_numbers(known)}" if known else "ends the handshake"
        grouped.setdefault(words, []).append(MODES[mode])
    return grouped


def _told(served: Served, now: datetime) -> Iterator[str]:
    verdict = judge(served, now)
    failure = verdict.failure
    said = "accepted" if failure is None else f"REFUSED: {printable(failure.detail)} ({failure.section})"
    yield from _columns("pki verify", said)
    try:
        asked = request(served, now)
    except MALFORMED:
        return
    for each in opinions.opinions(asked):
        yield from _columns(each.engine, verdict_text.opinion(each, verdict, asked))


def _columns(label: str, words: str) -> Iterator[str]:
    for number, line in enumerate(textwrap.wrap(words, 64)):
        yield f"  {label if number == 0 else '':<14}{line}"


def judge(served: Served, now: datetime) -> Verdict:
    """The verdict of `pki verify`. A certificate that cannot be parsed is refused."""
    try:
        return path.judge(request(served, now))
    except MALFORMED:
        found = map(summary.why_unreadable, (*served.chain, *served.anchors))
        detail = f"the certificate cannot be parsed: {next(filter(None, found), 'the reason is unknown')}"
        return Verdict((Check("form", path.FORM, Result.FAILED, detail, path.UNREADABLE),))


def request(served: Served, now: datetime) -> Request:
    """The client's request for validation. Raises one of MALFORMED if a certificate cannot be parsed."""
    leaf, *intermediates = map(x509.load_der_x509_certificate, served.chain)
    return Request(
        leaf,
        tuple(intermediates),
        tuple(map(x509.load_der_x509_certificate, served.anchors)),
        served.name,
        Purpose.SERVER,
        now,
        served.crls,
        PathProfile.TLS,
        path.MAX_DEPTH,
    )


def judged_as_data(minted: Minted, now: datetime) -> dict[str, Any]:
    """The verdicts of `pki verify` on the case and its control, for JSON."""
    served, control = judge(minted.served, now), judge(minted.control, now)
    return {
        "name": names.plain(minted.served.name),
        "accepted": served.accepted,
        "reason": served.reason,
        "control_accepted": control.accepted,
    }


# What was minted ----------------------------------------------------------------------------------------------------


def written(folder: "MintedFolder", builder: CaseBuilder) -> Iterator[str]:
    """The folder that was written, and how to use it."""
    count = "1 case" if len(folder.cases) == 1 else f"{len(folder.cases)} cases"
    yield f"{count} in {folder.directory}/, for {', '.join(map(names.display, builder.alternative_names))}"
    yield ""
    yield "In each folder:"
    yield "  server.pem, server.key   the certificate chain and key of the server"
    yield "  root.pem                 the trust anchor of the client; the root's key is not kept"
    if any(CATALOGUE[case].must is Must.REJECT for case in folder.cases):
        yield "  control/                 the same chain without the deviation"
    case, name = next(iter(folder.cases.items()))
    yield from _others(folder, name)
    first = folder.directory / case
    yield ""
    yield "Verify it:"
    yield f"  pki verify {shlex.quote(str(first / 'server.pem'))}{_asking(name)} \\"
    yield f"    --trust {shlex.quote(str(first / 'root.pem'))}"
    yield "Present it to a client, in two terminals:"
    yield f"  tlsdemo serve --cert {shlex.quote(str(first / 'server.pem'))}"
    yield f"  tlsdemo connect{_asking(name)} --trust {shlex.quote(str(first / 'root.pem'))}"


def _others(folder: "MintedFolder", usual: x509.GeneralName) -> Iterator[str]:
    """The cases whose client must ask for another name than `usual`."""
    by_name: dict[str, list[str]] = {}
    for case, name in folder.cases.items():
        if name != usual:
            by_name.setdefault(names.display(name), []).append(case)
    if by_name:
        yield ""
        yield f"The client asks for {names.display(usual)}, except:"
    for host, cases in by_name.items():
        yield from textwrap.wrap(f"{host}: {', '.join(cases)}", 78, initial_indent="  ", subsequent_indent="    ")
