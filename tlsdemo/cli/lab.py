"""`tlsdemo lab`: open the lab, print its links, and log what clients do. EDGE."""

import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import cannot, printable
from pki.store.output import Output, only_certificates_of
from tlsdemo.cli.listening import ListeningCommand
from tlsdemo.cli.reporter import Reporter
from tlsdemo.findings import GOOD
from tlsdemo.lab.ca import HOME, ROOT_NAME
from tlsdemo.lab.case import Family, OpenedCase
from tlsdemo.lab.catalogue import chosen
from tlsdemo.lab.folder import own_folder
from tlsdemo.lab.lifecycle import laboratory
from tlsdemo.lab.server import BY_NAME, INDEX, Laboratory
from tlsdemo.lab.visit import IN_THE_CLEAR, Visit, VisitEnd
from tlsdemo.report.finding import counted


@dataclass(frozen=True)
class LabOptions:
    """The options of the command."""

    list_only: bool
    as_json: bool
    only: Sequence[str]
    port_base: int
    ca_out: Path | None
    force: bool = False

    @property
    def ca(self) -> Output | None:
        """The file of --ca-out."""
        return Output(self.ca_out, "--ca-out", only_certificates_of(ROOT_NAME), self.force) if self.ca_out else None


def lab(settings: LabOptions) -> int:
    """Serve until a signal, or list the cases; the exit code."""
    report = Reporter(settings.as_json)
    command = ListeningCommand(report)
    if settings.ca and not settings.list_only:
        settings.ca.check()
    cases = chosen(settings.only)
    with laboratory(cases, settings.port_base, lambda visit: _tell(visit, settings, report)) as opened:
        if settings.list_only:
            report.say(*(_document(opened, None) if settings.as_json else _listed(opened.cases)))
            report.close(None)  # the list is all: a slow reader may take its time
        else:
            # In this order, so that a signal at any moment leaves no folder behind.
            with command.open(opened.server), own_folder() as folder:
                files = _write(settings.ca, folder, opened)
                report.say(*(_document(opened, files) if settings.as_json else _introduction(opened, files)))
                opened.run()
    return command.exit_code()


@dataclass(frozen=True)
class Files:
    """The files that clients need while the lab is open."""

    ca: Path
    folder: Path
    """Client certificates, and the root certificates of cases that have their own."""


def _write(ca_out: Output | None, folder: Path, lab: Laboratory) -> Files:
    ca, pem = folder / "ca.pem", lab.ca.root.public_bytes(Encoding.PEM)
    try:
        ca.write_bytes(pem)
        lab.ca.clients.write(folder)
        for each in lab.cases:
            if each.anchors_pem:
                (folder / f"{each.id}.pem").write_bytes(each.anchors_pem)
    except OSError as error:
        raise cannot(f"write {error.filename or ca}", error, hint="is the disk full?") from error
    if ca_out:
        kept = ca_out.target()
        ca_out.write(pem)
        ca = kept.absolute() if kept else ca
    return Files(ca, folder)


# Telling -------------------------------------------------------------------------------------------------------------


def _introduction(opened: Laboratory, files: Files) -> Iterator[str]:
    served = [each for each in opened.cases if each.handler]
    ca = shlex.quote(str(files.ca))
    yield f"the lab is running: {counted(len(served), 'case')} at {HOME}, each on its own port"
    yield f"  index     https://{HOME}:{opened.index_port}/"
    yield f"  by name   https://CASE.{HOME}:{opened.sni_port}/  for clients that resolve such names"
    yield f"  trust     {files.ca}  the CA of this lab, created at this start"
    if any(each.case.family is Family.CLIENT_CERTIFICATE for each in served):
        yield f"  clients   {files.folder}/client-*.pem  for ports that ask for a client certificate"
    missing = [each for each in opened.cases if not each.handler]
    if missing:
        yield "  missing   cannot be served here (`tlsdemo lab --list` prints why):"
        for line in textwrap.wrap(", ".join(each.case.id for each in missing), 66, break_on_hyphens=False):
            yield f"            {line}"
    yield ""
    yield "  in another terminal:"
    yield f"    CA={ca}"
    for case, what in ((GOOD, "curl accepts it"), ("expired", "curl refuses it"), ("wrong-host", "curl refuses it")):
        if case in opened.ports:
            yield f'    curl --cacert "$CA" https://{HOME}:{opened.ports[case]}/  # {case}: {what}'
    yield '    eval "$(pki env --ca "$CA")"  # clients in this shell then trust the lab'
    yield '    pki env --ca "$CA" | grep "^#"  # how browsers, the system and Java trust it, and how to undo that'
    yield "    tlsdemo check-client -- curl -sS {url}  # runs curl against all cases of severity must, in another lab"
    yield ""


def _listed(cases: Sequence[OpenedCase]) -> Iterator[str]:
    theme = ""
    for each in cases:
        if each.case.theme != theme:
            yield from ([""] if theme else [])
            theme = each.case.theme
            yield theme
        mark = {"accept": "accept", "reject": "reject"}[each.case.must]
        yield f"  {each.case.id:<30}{mark:<8}{each.case.severity}"
        if not each.handler:
            yield from textwrap.wrap(
                f"cannot be served here: {each.obstacle}", 80, initial_indent="    ", subsequent_indent="      "
            )
    served = sum(1 for each in cases if each.handler)
    yield ""
    yield f"{counted(len(cases), 'case')}, of which {served} can be served here."
    yield "`pki rogue show CASE` explains a certificate; the lab's index page explains every case."


def _tell(visit: Visit, settings: LabOptions, report: Reporter) -> None:
    if settings.as_json or visit.case == INDEX:
        return
    asked = f" (asked for {printable(visit.asked_for)})" if visit.asked_for not in (None, HOME) else ""
    case = "unknown name" if visit.case == BY_NAME else visit.case
    report.say(f"{visit.peer}  {case}{asked}: {_did(visit)}")


def _did(visit: Visit) -> str:
    who = f"; client certificate: {visit.client}" if visit.client else ""
    match visit.end:
        case VisitEnd.TALKED:
            line = printable(visit.said.split(b"\n")[0].strip().decode("utf-8", "replace"))[:60]
            how = " in the clear" if visit.why == IN_THE_CLEAR else ""
            return f"ACCEPTED{how}: {counted(visit.count, 'byte')}{f', {line}' if line else ''}{who}"
        case VisitEnd.LEFT:
            return f"refused after its handshake{f': alert {visit.alert}' if visit.alert else ''}{who}"
        case VisitEnd.REFUSED:
            return (
                f"refused: {f'alert {visit.alert}' if visit.alert else visit.why or 'the client closed the connection'}"
            )
        case _:
            return f"{visit.end.value}{f': {visit.why}' if visit.why else ''}"


def _document(opened: Laboratory, files: Files | None) -> Iterator[str]:
    """The index as JSON on one line, so that a program can read it with one call."""
    folder = files.folder if files else None
    yield json.dumps(
        {
            "schema": 2,
            "ca_file": str(files.ca) if files else None,
            "client_certificates": sorted(map(str, folder.glob("client-*.pem"))) if folder else [],
            "index_url": f"https://{HOME}:{opened.index_port}/",
            "sni_port": opened.sni_port,
            "cases": [_case(each, opened.ports, folder) for each in opened.cases],
        }
    )


def _case(opened: OpenedCase, ports: Mapping[str, int], folder: Path | None) -> dict[str, Any]:
    case = opened.case
    return {
        "case": case.id,
        "aliases": list(case.aliases),
        "theme": case.theme,
        "port": ports.get(case.id),
        "control_port": ports.get(opened.control.id) if opened.control else None,
        "host": opened.host,
        "sni": opened.sni if opened.context else None,
        "expect": case.must,
        "severity": case.severity,
        "clause": case.clause,
        "cve": list(case.cve),
        "verify_codes": list(case.verify_codes),
        "wrong": case.summary,
        "ca_file": str(folder / f"{case.id}.pem") if folder and opened.anchors_pem else None,
        "reason": opened.obstacle or None,
    }
