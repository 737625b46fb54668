"""Known findings of a client: `--except`, `--baseline`, `--write-baseline`. EDGE: reads files.

    {"schema": 2, "client": "curl -sS {url}", "findings": [{"case": "expired", "outcome": "accepted"}]}

A finding is known if its case and its outcome are in the file. If a client accepted after a retry, and now accepts on
the first connection, the finding is new.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pki.cases.lookup import by_any_name
from pki.errors import ExitCode, Problem, cannot, printable
from tlsdemo.findings import Known, Report
from tlsdemo.lab.catalogue import CASES, find

OPTION = "--except"
LARGEST = 1 << 20  # characters of a baseline


def exceptions(options: Sequence[str]) -> tuple[Known, ...]:
    """The known findings of `CASE` and `CASE=REASON`. Raises Problem for an unknown case."""
    found = []
    for option in options:
        case, _, reason = option.partition("=")
        found.append(Known(find(case.strip()).id, "", printable(reason.strip()), OPTION))
    return tuple(found)


def read(path: Path) -> tuple[Known, ...]:
    """The known findings of a baseline, without unknown cases. Raises Problem if the file is not a baseline."""
    hint = f"`tlsdemo check-client --write-baseline {path} ...` writes one"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise cannot(f"read {path}", error, hint=hint) from error
    except UnicodeDecodeError as error:
        raise Problem(f"{path} is not a baseline", "it is not UTF-8 text", hint=hint) from error
    try:
        entries = _entries(json.loads(text[:LARGEST]))
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not a baseline", printable(str(error)), hint=hint) from error
    named = by_any_name(CASES.values())
    return tuple(
        Known(named[case].id, outcome, "", printable(str(path))) for case, outcome in entries if case in named
    )  # fmt: skip


def _entries(document: Any) -> list[tuple[str, str]]:
    """The cases and outcomes. Raises ValueError if the document is not a baseline."""
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise ValueError("it has no array `findings`")
    if document.get("schema") not in (1, 2):  # the same content
        raise ValueError(f"its schema is {document.get('schema')!r}; this version reads 1 and 2")
    found = []
    for entry in document["findings"]:
        case, outcome = (entry.get(key) if isinstance(entry, dict) else None for key in ("case", "outcome"))
        if not isinstance(case, str) or not isinstance(outcome, str):
            raise ValueError(f"an entry of `findings` has no case and outcome: {entry!r:.100}")
        found.append((case, outcome))
    return found


def as_json(report: Report) -> str:
    """The findings of a report as a baseline. Raises Problem if the report is not conclusive."""
    if not report.conclusive:
        raise Problem(
            "no baseline written: the client did not accept the valid certificate",
            hint="make the client accept the case `good` first",
            code=ExitCode.CANNOT,
        )
    found = [{"case": each.case.id, "outcome": each.outcome} for each in report.findings if each.harms]
    document = {"schema": 2, "client": printable(report.client), "findings": found}
    return json.dumps(document, indent=2) + "\n"


def is_ours(content: bytes) -> bool:
    """Whether this is the content of a baseline."""
    try:
        _entries(json.loads(content))
    except (ValueError, RecursionError):
        return False
    return True
