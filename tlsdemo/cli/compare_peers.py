"""`tlsdemo compare --peers`: which missing protections do the TLS programs of this machine notice? EDGE.

Our TLS 1.3 is the server for each client, and the client for each server, each time without one protection.
"""

import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pki.console import note, print_json
from pki.errors import ExitCode, Problem, did_you_mean
from tlsdemo.compare.protocols import protection
from tlsdemo.lab.peers.meeting import Meeting, MeetingEnd
from tlsdemo.lab.peers.programs import CLIENTS, SERVERS
from tlsdemo.lab.peers.trials import BASE, OnTrial, PeerReport, missing, open_bench, run_all, told
from tlsdemo.protocol import Protection, Side
from tlsdemo.report.terminal import Screen
from tlsdemo.tls13.machine import ALERT_NUMBERS

PeerProgram = tuple[Side, str]
PROGRAMS = {Side.CLIENT: CLIENTS, Side.SERVER: SERVERS}


@dataclass(frozen=True)
class ComparePeersOptions:
    """The options of the command."""

    only: Sequence[str]
    as_json: bool
    markdown: bool
    certs: Path | None = None


def compare_peers(settings: ComparePeersOptions) -> int:
    """Run the command; returns the exit code, 3 if no peer could be tested."""
    peers, removed = _selected(settings.only)
    begin = time.perf_counter()
    with _terminable(), _progress(len(peers) * (1 + len(removed))) as progress, open_bench(settings.certs) as bench:
        reports = run_all(bench, peers, removed, progress)
    seconds = time.perf_counter() - begin
    if settings.as_json:
        print_json(_as_json(reports, seconds))
    elif settings.markdown:
        print("\n".join(_as_markdown(reports, removed)))
    else:
        _show(reports, removed, seconds)
    return ExitCode.YES if any(report.trials for report in reports) else ExitCode.CANNOT


def _selected(only: Sequence[str]) -> tuple[list[PeerProgram], list[Protection]]:
    """The peers that can run here, and the protections to remove. Without names of one kind: all of that kind.

    Problem for an unknown name, for a named program that is missing, and if no program is there.
    """
    programs: set[str] = set()
    removed: set[Protection] = set()
    known = {*CLIENTS, *SERVERS}
    for name in (part.strip() for each in only for part in each.split(",") if part.strip()):
        if name in known:
            programs.add(name)
            continue
        try:
            removed.add(protection(name))
        except KeyError:
            hint = f"{did_you_mean(name, known)}the programs are: {', '.join(sorted(known))}"
            raise Problem(f"{name!r} is neither a program nor a protection", hint=hint, code=ExitCode.USAGE) from None
    wanted = [(side, name) for side, presets in PROGRAMS.items() for name in presets if name in (programs or known)]
    lacking = {peer: program for peer in wanted if (program := missing(PROGRAMS[peer[0]][peer[1]]))}
    for (side, name), program in lacking.items():
        note(f"{name} is left out as a {side.value}: the program {program} is not installed")
    found = [peer for peer in wanted if peer not in lacking]
    if not found:
        raise Problem("no program of these is installed", hint="install openssl or curl, for example")
    return found, [each for each in Protection if not removed or each in removed]


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the command like Ctrl-C, so that all programs that it started are ended, too."""

    def on_signal(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _progress(total: int) -> Iterator[OnTrial]:
    """The number of trials on stderr, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("trials", total=total)
        yield lambda: bar.advance(task)


# For people -----------------------------------------------------------------------------------------------------------

QUESTIONS = {
    Side.CLIENT: ("Would your client notice?", "our server", "clients"),
    Side.SERVER: ("Would your server notice?", "our client", "servers"),
}
NOT_NOTICED, NOT_KNOWN = "-", "?"
SIGNS = (
    (NOT_NOTICED, "not noticed: application data were exchanged"),
    ("20:1", "the peer sent alert 20; :1 is the number of the server's encrypted record at which it happened"),
    ("(40)", "this side sent alert 40, for example because the peer offers no cipher suite that fits"),
    ("end:1", "the peer closed the connection without an alert"),
    (NOT_KNOWN, "not known: the peer did not connect, or did not answer in time; --json has the reason"),
)
"""The signs of a cell, with examples."""


def _show(reports: Sequence[PeerReport], removed: Sequence[Protection], seconds: float) -> None:
    screen = Screen()
    for side, (question, ours, theirs) in QUESTIONS.items():
        tested = [each for each in reports if each.side is side and each.trials]
        if not tested:
            continue
        screen.heading(question)
        screen.say(f"{ours.capitalize()} without one protection, and {theirs} of this machine:")
        screen.line("")
        for line in _table(tested, removed):
            screen.line(line)
        screen.line("")
        for report in tested:
            screen.show(report.name, report.version.partition(" (")[0])
    screen.heading("How to read it")
    for sign, meaning in SIGNS:
        screen.show(sign, meaning)
    for report in reports:
        if report.not_tested:
            screen.show(f"{report.name} ({report.side.value})", f"not tested: {report.not_tested}")
    for sentence in _summary(reports, removed):
        screen.say(sentence)
    screen.say(
        f"""The control for each peer is TLS 1.3 without client certificates: the row client identity. Each other row
        lacks one more protection. The alerts: {_alerts(reports)}. All of this was run now, in {seconds:.0f} s."""
    )


def _table(reports: Sequence[PeerReport], removed: Sequence[Protection]) -> Iterator[str]:
    label = max(len(each.readable) for each in Protection)
    widths = [max(6, len(report.name)) for report in reports]
    heads = (report.name.rjust(width) for report, width in zip(reports, widths, strict=True))
    yield f"{'':<{label}} {' '.join(heads)}"
    for each in removed:
        cells = (_sign(_meeting(report, each)).rjust(width) for report, width in zip(reports, widths, strict=True))
        yield f"{each.readable:<{label}} {' '.join(cells)}"


def _meeting(report: PeerReport, removed: Protection) -> Meeting:
    return next(trial.meeting for trial in report.trials if trial.removed is removed)


def _sign(met: Meeting) -> str:
    at = f":{met.record}" if met.record else ""
    number = ALERT_NUMBERS.get(met.alert, met.alert)
    return {
        MeetingEnd.EXCHANGED: NOT_NOTICED,
        MeetingEnd.ALERTED: f"{number}{at}",
        MeetingEnd.FAILED: f"({number}{at})",
        MeetingEnd.CLOSED: f"end{at}",
        MeetingEnd.SILENT: NOT_KNOWN,
        MeetingEnd.ABSENT: NOT_KNOWN,
        MeetingEnd.UNFIT: NOT_KNOWN,
    }[met.end]


def _summary(reports: Sequence[PeerReport], removed: Sequence[Protection]) -> Iterator[str]:
    """The protections without which all peers of a side exchanged data with ours, and those without which none did."""
    for side, (_, ours, theirs) in QUESTIONS.items():
        trials = [trial for report in reports if report.side is side for trial in report.trials]
        found = {each: {trial.noticed for trial in trials if trial.removed is each} for each in removed}
        missed, noticed = (
            ", ".join(each.readable for each, results in found.items() if results == {result})
            for result in (False, True)
        )
        if missed:
            yield f"All of these {theirs} exchanged data with {ours}, although it lacked: {missed}."
        if noticed:
            yield f"None of these {theirs} exchanged data with {ours} when it lacked: {noticed}."


def _alerts(reports: Sequence[PeerReport]) -> str:
    names = {trial.meeting.alert for report in reports for trial in report.trials if trial.meeting.alert}
    numbered = sorted((ALERT_NUMBERS[name], name) for name in names if name in ALERT_NUMBERS)
    return ", ".join(f"{number} {name}" for number, name in numbered) or "none"


# For programs, and for documents --------------------------------------------------------------------------------------


def _as_json(reports: Sequence[PeerReport], seconds: float) -> dict[str, object]:
    return {
        "seconds": seconds,
        "control": [each.readable for each in Protection if each in BASE],
        "peers": [
            {
                "peer": report.name,
                "side": report.side.value,
                "version": report.version or None,
                "not_tested": report.not_tested or None,
                "trials": [
                    {"removed": trial.removed.readable, "noticed": trial.noticed, **_details(trial.meeting)}
                    for trial in report.trials
                ],
            }
            for report in reports
        ],
    }


def _details(met: Meeting) -> Mapping[str, object]:
    return {
        "end": met.end.name.lower(),
        "alert": met.alert or None,
        "alert_number": ALERT_NUMBERS.get(met.alert),
        "record": met.record or None,
        "how": told(met),
    }


def _as_markdown(reports: Sequence[PeerReport], removed: Sequence[Protection]) -> list[str]:
    tested = [report for report in reports if report.trials]
    lines = [
        "| | " + " | ".join(f"{report.name} ({report.side.value})" for report in tested) + " |",
        "|---" * (len(tested) + 1) + "|",
    ]
    for each in removed:
        cells = " | ".join(_sign(_meeting(report, each)) for report in tested)
        lines.append(f"| {each.readable} | {cells} |")
    signs = "; ".join(f"`{sign}` {meaning}" for sign, meaning in SIGNS)
    untested = [
        f"{each.name} ({each.side.value}): not tested: {each.not_tested}" for each in reports if each.not_tested
    ]
    return [*lines, "", f"{signs}.", *untested]
