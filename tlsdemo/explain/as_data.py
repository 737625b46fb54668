"""An explanation as plain values for JSON: bytes are lowercase hex."""

from typing import Any

from tlsdemo.explain.conversation import Entry, Explanation, Kind, as_seen
from tlsdemo.explain.rows import Row


def as_data(explanation: Explanation, *, as_attacker: bool = False) -> dict[str, Any]:
    """The explanation. As the attacker, without anything that is encrypted, and without secrets."""
    if as_attacker:
        explanation = as_seen(explanation)
    shown = [each for each in explanation.entries if not as_attacker or each.kind is Kind.RECORD or not each.hidden]
    return {
        "schema": 2,
        "version": explanation.version or None,
        "cipher_suite": explanation.suite or None,
        "bytes": explanation.total,
        "explained_bytes": None if as_attacker else explanation.explained,
        "entries": [_entry(each) for each in shown],
        "learned": list(explanation.learned),
        "ending": {
            "failed": explanation.ending.failed,
            "sentences": list(explanation.ending.sentences),
            "hint": explanation.ending.hint or None,
        },
        "problems": list(explanation.problems),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind.value,
        "sender": entry.sender,
        "title": entry.title,
        "why": entry.why or None,
        "encrypted": entry.hidden,
        "bytes": entry.data.hex(),
        "fields": [_field(each) for each in entry.rows],
        "derived": [{"name": each.name, "how": each.call, "value": each.value.hex()} for each in entry.derived],
        "checks": [{"passed": each.passed, "sentence": each.sentence} for each in entry.checks],
        "notes": list(entry.notes),
        "eavesdropper": entry.eavesdropper or None,
    }


def _field(row: Row) -> dict[str, Any]:
    """A field; a certificate has its DER elements, too."""
    found: dict[str, Any] = {
        "start": row.start,
        "end": row.end,
        "depth": row.depth,
        "name": row.name,
        "value": row.value,
        "reason": row.reason or None,
    }
    return {**found, "elements": [_field(each) for each in row.inside]} if row.inside else found
