"""Turns the measured matrix into the plain values that `report.matrix_page` shows. EDGE."""

import re
from collections.abc import Sequence
from dataclasses import replace

from tlsdemo.attack.catalogue import Attack
from tlsdemo.attack.matrix import CellResult, Matrix
from tlsdemo.compare import story
from tlsdemo.compare.protocols import family, sentence, short
from tlsdemo.protocol import Protection, Protocol
from tlsdemo.report.matrix_page import Cell, Column, MatrixRow, Page, render
from tlsdemo.report.sequence import Event, Note

KINDS = {
    CellResult.PREVENTED: "held",
    CellResult.SUCCEEDS: "broken",
    CellResult.MOOT: "moot",
    CellResult.PREVENTED_EVERYWHERE: "unseen",
    CellResult.NOT_APPLICABLE: "none",
}


def as_page(matrix: Matrix, prices: Sequence[Sequence[str]], made: str) -> str:
    """The HTML."""
    columns = tuple(_column(attack) for attack in matrix.attacks)
    rows = tuple(_row(matrix, protocol) for protocol in matrix.protocols)
    counts = {
        KINDS[verdict]: (verdict.sign, verdict.word, number, verdict.meaning)
        for verdict, number in matrix.counts.items()
    }
    protections = [(each.readable, _meaning(each)) for each in Protection]
    return render(Page(columns, rows, counts, protections, prices, made))


def _meaning(protection: Protection) -> str:
    return f"{protection.meaning} ({protection.section})"


def _column(attack: Attack) -> Column:
    stops = tuple((each.readable, _meaning(each)) for each in attack.stops)
    return Column(attack.id, attack.sentence, attack.threat, stops)


def _row(matrix: Matrix, protocol: Protocol) -> MatrixRow:
    cells = tuple(_cell(matrix, attack, protocol) for attack in matrix.attacks)
    return MatrixRow(protocol.name, short(protocol).strip(), sentence(protocol), family(protocol), cells)


def _cell(matrix: Matrix, attack: Attack, protocol: Protocol) -> Cell:
    trial, verdict = matrix[attack, protocol], matrix.verdict(attack, protocol)
    clauses = tuple(
        (each.readable, _meaning(each), story.place(each, protocol))
        for each in (story.deciding(trial) if trial.result else ())
    )
    return Cell(
        KINDS[verdict],
        "!" if trial.is_surprise else verdict.sign,
        verdict.word,
        trial.predicted.word,
        trial.is_surprise,
        trial.damage.sentence if trial.damage else "",
        story.why(trial),
        clauses,
        story.events(trial) if trial.damage else tuple(map(_without_secret, story.events(trial))),
        story.steps(trial),
    )


SECRET = re.compile(r"(?<=pin=)[0-9a-f]{16}")


def _without_secret(event: Event) -> Event:
    """The event with `…` for the secret.

    The secret is new in each run. Where the attack failed, it would be the only difference between conversations that
    the page can write once.
    """
    return replace(event, text=SECRET.sub("…", event.text)) if isinstance(event, Note) else event
