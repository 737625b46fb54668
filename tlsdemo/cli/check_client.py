"""`tlsdemo check-client`: open a lab, run a client against its cases, and report the findings. EDGE."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pki.console import note, print_json
from pki.errors import ExitCode, Problem
from pki.store.output import Output, check_all
from tlsdemo.cli import baseline
from tlsdemo.findings import Comparison, Known, Report
from tlsdemo.lab import tester as checking
from tlsdemo.lab.case import Case, Controls
from tlsdemo.lab.client import ClientCommand, own, preset
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.presets import PRESETS
from tlsdemo.lab.tester import Progress, Tester, chosen, open_tester
from tlsdemo.report import client as client_report
from tlsdemo.report import client_matrix


@dataclass(frozen=True)
class CheckClientOptions:
    """The options of the command."""

    command: tuple[str, ...]
    cases: Sequence[str]
    everything: bool
    fail_on: str
    timeout: float
    jobs: int
    controls: bool
    as_json: bool
    markdown: bool
    files: Mapping[str, Path | None]
    """Files for further reports, by format: `junit`, `sarif`, `html`."""
    excepted: Sequence[str] = ()
    """The values of --except: `CASE` or `CASE=REASON`."""
    baseline: Path | None = None
    write_baseline: Path | None = None
    force: bool = False

    def testing(self, known: tuple[Known, ...]) -> checking.TestOptions:
        """The options of the tester."""
        return checking.TestOptions(self.fail_on, self.timeout, self.jobs, self.controls, known)


def is_preset(word: str) -> bool:
    """Whether this is the name of a preset."""
    return word in PRESETS


def list_presets(as_json: bool) -> int:
    """Print the presets, and whether they can run here."""
    rows = [(each.name, each.command, _why_not(each.name)) for each in PRESETS.values()]
    if as_json:
        print_json({"presets": [{"preset": n, "command": list(c), "missing": why or None} for n, c, why in rows]})
        return ExitCode.YES
    for name, _, why in rows:
        print(f"{name:<18}{why or 'can run here'}")
    return ExitCode.YES


def _why_not(name: str) -> str:
    try:
        preset(name)
    except Problem as problem:
        return problem.fact
    return ""


def check(settings: CheckClientOptions) -> int:
    """Test one client and print the report. Returns the exit code of the report."""
    outputs = _outputs(settings)
    check_all(outputs.values())
    client = _client(settings.command)
    cases, known = _chosen(settings), _known(settings)
    with _open(cases, settings) as tester, _progress(client.name) as progress:
        report = tester.check(client, cases, settings.testing(known), datetime.now(UTC), progress)
    failed = _write(report, outputs)  # before printing, which fails if a pipe has no reader
    if settings.as_json:
        print_json(client_report.as_data(report))
    else:
        print("\n".join(client_report.as_text(report)))
    if failed:
        raise failed
    return report.exit_code


def compare(settings: CheckClientOptions) -> int:
    """Compare several presets on the same cases. Returns 3 if a preset that was named cannot run."""
    reports, missing, clients = [], [], []
    for name in settings.command or tuple(PRESETS):
        try:
            clients.append(preset(name))
        except Problem as problem:
            missing.append((name, _reason(problem)))
    cases = _chosen(settings)
    with _open(cases, settings) as tester:
        for client in clients:
            try:
                with _progress(client.name) as progress:
                    reports.append(tester.check(client, cases, settings.testing(()), datetime.now(UTC), progress))
            except Problem as problem:
                missing.append((client.name, _reason(problem)))
    comparison = Comparison(reports, missing)
    if settings.as_json:
        print_json(client_matrix.as_data(comparison))
    elif settings.markdown:
        print(client_matrix.as_markdown(comparison), client_matrix.summary_markdown(comparison), sep="\n")
    else:
        print("\n".join(client_matrix.as_text(comparison)))
    named_and_missing = settings.command and missing
    return ExitCode.CANNOT if named_and_missing or not reports else ExitCode.YES


def _reason(problem: Problem) -> str:
    """Why a client cannot run. Wrong usage is raised again: it ends the whole command."""
    if problem.code is ExitCode.USAGE:
        raise problem
    return problem.fact


def _client(command: Sequence[str]) -> ClientCommand:
    """The preset, if the command is the name of one; otherwise the user's command."""
    return preset(command[0]) if len(command) == 1 and command[0] in PRESETS else own(command)


def _chosen(settings: CheckClientOptions) -> list[Case]:
    return chosen(settings.cases, settings.everything, settings.fail_on)


def _known(settings: CheckClientOptions) -> tuple[Known, ...]:
    found = baseline.exceptions(settings.excepted)
    return found + baseline.read(settings.baseline) if settings.baseline else found


@contextmanager
def _open(cases: Sequence[Case], settings: CheckClientOptions) -> Iterator[Tester]:
    """Open a lab with these cases. SIGTERM ends it like Ctrl-C; further signals do not interrupt the clean-up."""

    def on_signal(number: int, frame: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {each: signal.signal(each, on_signal) for each in SIGNALS}
    try:
        controls = Controls.SERVED if settings.controls else Controls.LEFT_OUT
        with laboratory(cases, controls=controls) as lab:
            for host in lab.without:
                note(f"this machine has no {host}; the lab listens on 127.0.0.1 only")
            with open_tester(lab) as tester:
                yield tester
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """A progress bar on stderr, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, last: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[last]}")
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name[:30], total=None, last="")
        yield lambda done, total, last: bar.update(task, completed=done, total=total, last=last)


def _outputs(settings: CheckClientOptions) -> Mapping[str, Output]:
    named = {form: path for form, path in {**settings.files, BASELINE: settings.write_baseline}.items() if path}
    if not named:
        return {}
    from tlsdemo.report import html, junit, sarif  # here, since jinja2 takes longer than most clients

    ours = {"junit": junit.is_ours, "sarif": sarif.is_ours, "html": html.is_ours, BASELINE: baseline.is_ours}
    return {form: Output(path, f"--{form}", ours[form], settings.force) for form, path in named.items()}


BASELINE = "write-baseline"


def _write(report: Report, outputs: Mapping[str, Output]) -> Problem | None:
    """Write all files. Returns the Problem of the first one that failed, if any."""
    failed: Problem | None = None
    for form, output in outputs.items():
        try:
            output.write(_forms()[form](report))
        except Problem as problem:
            failed = failed or problem
    return failed


def _forms() -> Mapping[str, Callable[[Report], str]]:
    import importlib.metadata  # here, since it takes longer than most clients

    from tlsdemo.report.client_page import as_html
    from tlsdemo.report.junit import as_junit
    from tlsdemo.report.sarif import as_sarif

    version = ""
    with suppress(importlib.metadata.PackageNotFoundError):
        version = importlib.metadata.version("tlsdemo")
    return {
        "junit": as_junit,
        "html": as_html,
        "sarif": lambda report: as_sarif(report, version),
        BASELINE: baseline.as_json,
    }
