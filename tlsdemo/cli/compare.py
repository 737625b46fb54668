"""`tlsdemo compare`: run every attack on every protocol, and measure the cost of each protocol. EDGE."""

import json
import platform
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from pki.errors import ExitCode, Problem
from pki.store.output import Output
from tlsdemo.attack import catalogue
from tlsdemo.attack.catalogue import ATTACKS, Attack
from tlsdemo.attack.matrix import CellResult, Matrix, measure
from tlsdemo.attack.real_world import world
from tlsdemo.compare.costs import Cost, costs
from tlsdemo.compare.protocols import TLS13, all_protocols, family, find, reduced_tls13, short
from tlsdemo.edu.protocol import RUNGS
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.report import html
from tlsdemo.report.terminal import Screen


@dataclass(frozen=True)
class CompareOptions:
    """The options of the command."""

    only: Sequence[str]
    as_json: bool
    markdown: bool
    html: Path | None
    force: bool = False


def compare(settings: CompareOptions) -> int:
    """Run the command; returns the exit code, 1 if a prediction failed."""
    attacks, protocols = _selected(settings.only)
    page = Output(settings.html, "--html", html.is_ours, settings.force) if settings.html else None
    if page:
        page.check()
    begin = time.perf_counter()
    matrix = measure(protocols, world, attacks)
    seconds = time.perf_counter() - begin
    priced = costs(protocols)
    if page:
        from tlsdemo.compare.page import as_page

        prices = [("", *PRICE_HEADINGS), *((cost.protocol.name, *_price(cost)) for cost in priced)]
        page.write(as_page(matrix, prices, _made(seconds)))
    if settings.as_json:
        print(json.dumps(_as_json(matrix, priced, seconds), ensure_ascii=False))
    elif settings.markdown:
        print("\n".join(_as_markdown(matrix)))
    else:
        _show(matrix, priced, seconds)
        if settings.html:
            print(f"\nwritten with every conversation: {settings.html}")
    return ExitCode.NO if matrix.surprises else ExitCode.YES


def _selected(only: Sequence[str]) -> tuple[Sequence[Attack], Sequence[Protocol]]:
    """The attacks and protocols that are named; all attacks if no attack is named, and likewise for protocols."""
    attacks: list[Attack] = []
    protocols: list[Protocol] = []
    for name in (part.strip() for each in only for part in each.split(",") if part.strip()):
        with suppress(KeyError):
            attacks.append(catalogue.find(name))
            continue
        try:
            protocols.append(find(name))
            protocols += reduced_tls13() if name == TLS13 else []
        except KeyError:
            hint = "`tlsdemo attacks` and `tlsdemo protocols` list them"
            raise Problem(f"{name!r} is neither an attack nor a protocol", hint=hint, code=ExitCode.USAGE) from None
        except ValueError as error:
            raise Problem(f"{name!r} is not possible: {error}", hint="omit it", code=ExitCode.USAGE) from None
    return attacks or ATTACKS, _unique(protocols) or all_protocols()


def _unique(protocols: Sequence[Protocol]) -> list[Protocol]:
    return list({protocol.name: protocol for protocol in protocols}.values())


def _made(seconds: float) -> str:
    where = f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, {platform.machine()}"
    return f"Run on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC in {seconds:.1f} s, with {where}."


# For people ---------------------------------------------------------------------------------------------------------


def _show(matrix: Matrix, priced: Sequence[Cost], seconds: float) -> None:
    screen = Screen()
    screen.heading("Every attack on every protocol")
    screen.say(
        f"""{len(matrix.trials)} cells in {seconds:.1f} s. A protocol is a set of protections. An attack fails exactly
        when every protection that it must defeat is present and effective. Each cell was predicted by this rule, and
        then the attack was run."""
    )
    letters = {attack.id: chr(ord("A") + place) for place, attack in enumerate(matrix.attacks)}
    print()
    _legend(matrix, letters, screen)
    for heading, protocols in _families(matrix.protocols):
        print()
        label = max(len(text) for each in matrix.protocols for text in (short(each), heading))
        screen.line(f"{heading:<{label}}  {' '.join(letters[attack.id] for attack in matrix.attacks)}")
        for protocol in protocols:
            cells = " ".join(_cell(matrix, attack, protocol) for attack in matrix.attacks)
            screen.line(f"{short(protocol):<{label}}  {cells}")
    print()
    for verdict, number in matrix.counts.items():
        if number:
            screen.say(f"{verdict.sign} {verdict.word} ({number}): {verdict.meaning}")
    for trial in matrix.surprises:
        screen.bad(
            f"{trial.attack.id} on {trial.protocol}: predicted {trial.predicted.word}, was {trial.measured.word}"
        )
    if not matrix.surprises:
        screen.good("Every prediction was right.")
    screen.heading("Costs")
    rows = _price_table(priced)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        screen.line("  ".join((first.ljust(widths[0]), *right)).rstrip())
    screen.say(
        """One full handshake in memory, the minimum of several. Trips: round trips before the client can send data.
        Bytes and µs: client/server. Proofs: sides that prove possession of a key. Keys: shared secrets. Lines: lines of
        tlsdemo/edu that ran, or of tlsdemo/tls13."""
    )
    costs_by_name = {cost.protocol.name: cost for cost in priced}
    rungs = [costs_by_name[name] for name in RUNGS if name in costs_by_name]
    for cheaper, dearer in pairwise(rungs):
        screen.show(f"{cheaper.protocol} -> {dearer.protocol}", _difference(cheaper, dearer))
    screen.say("`tlsdemo attack ATTACK --on PROTOCOL` shows one cell in detail.")
    screen.say("`tlsdemo compare --only tls13` runs our TLS 1.3 without each protection in turn.")


def _legend(matrix: Matrix, letters: dict[str, str], screen: Screen) -> None:
    entries = [f"{letters[attack.id]} {attack.id}" for attack in matrix.attacks]
    height = -(-len(entries) // 3)
    for row in range(height):
        screen.line("".join(f"{entry:<26}" for entry in entries[row::height]).rstrip())


def _families(protocols: Sequence[Protocol]) -> list[tuple[str, list[Protocol]]]:
    found: dict[str, list[Protocol]] = {}
    for protocol in protocols:
        found.setdefault(family(protocol), []).append(protocol)
    return list(found.items())


def _cell(matrix: Matrix, attack: Attack, protocol: Protocol) -> str:
    return "!" if matrix[attack, protocol].is_surprise else matrix.verdict(attack, protocol).sign


PRICE_HEADINGS: tuple[str, ...] = ("flights", "trips", "bytes", "proofs", "keys", "µs", "lines")


def _price_table(priced: Sequence[Cost]) -> list[tuple[str, ...]]:
    """The costs under the headings of the matrix."""
    costs_by_name = {cost.protocol.name: cost for cost in priced}
    rows = [("", *PRICE_HEADINGS)]
    for heading, protocols in _families([cost.protocol for cost in priced]):
        rows.append((heading, *("" for _ in PRICE_HEADINGS)))
        rows += [(short(each), *_price(costs_by_name[each.name])) for each in protocols]
    return rows


def _price(cost: Cost) -> tuple[str, ...]:
    """The cells below PRICE_HEADINGS."""
    price = cost.price
    spent = "/".join(f"{price.seconds[side] * 1e6:.0f}" for side in Side)
    sent = "/".join(str(price.sent[side]) for side in Side)
    numbers = str(price.flights), str(price.round_trips), sent, str(cost.proofs), str(cost.agreements), spent
    return (*numbers, str(cost.lines or "-"))


def _difference(cheaper: Cost, dearer: Cost) -> str:
    """The additional cost of a higher rung, and the protections that it adds.

    A difference within the noise of this run is not reported as a cost.
    """
    sent = sum(dearer.price.sent.values()) - sum(cheaper.price.sent.values())
    spent = dearer.price.total - cheaper.price.total
    noise = max(dearer.price.noise, cheaper.price.noise, -spent)
    varies = dearer.price.noise_bytes + cheaper.price.noise_bytes
    added = dearer.protocol.claims - cheaper.protocol.claims
    names = ", ".join(each.readable for each in Protection if each in added)
    size = f"{sent:+} bytes" if abs(sent) > varies else "no additional bytes"
    time = f"{spent * 1e6:+.0f} µs" if spent > noise else f"time within the noise (±{noise * 1e6:.0f} µs)"
    return f"{size}, {time}{f': {names}' if names else ''}"


# For programs, and for documents ------------------------------------------------------------------------------------


def _as_json(matrix: Matrix, priced: Sequence[Cost], seconds: float) -> dict[str, object]:
    cells = []
    for attack in matrix.attacks:
        for protocol in matrix.protocols:
            trial = matrix[attack, protocol]
            cells.append(
                {
                    "attack": attack.id,
                    "protocol": protocol.name,
                    "predicted": trial.predicted.word,
                    "measured": trial.measured.word,
                    "verdict": matrix.verdict(attack, protocol).word,
                    "finding": trial.damage.sentence if trial.damage else None,
                }
            )
    prices = [
        {
            "protocol": cost.protocol.name,
            "flights": cost.price.flights,
            "round_trips": cost.price.round_trips,
            "client_bytes": cost.price.sent[Side.CLIENT],
            "server_bytes": cost.price.sent[Side.SERVER],
            "proofs": cost.proofs,
            "agreements": cost.agreements,
            "client_seconds": cost.price.seconds[Side.CLIENT],
            "server_seconds": cost.price.seconds[Side.SERVER],
            "noise_seconds": cost.price.noise,
            "lines": cost.lines,
        }
        for cost in priced
    ]
    return {
        "schema": 2,
        "seconds": seconds,
        "counts": {verdict.word: number for verdict, number in matrix.counts.items()},
        "surprises": len(matrix.surprises),
        "cells": cells,
        "prices": prices,
    }


def _as_markdown(matrix: Matrix) -> list[str]:
    lines = [
        "| | " + " | ".join(attack.id for attack in matrix.attacks) + " |",
        "|---" * (len(matrix.attacks) + 1) + "|",
    ]
    for protocol in matrix.protocols:
        cells = " | ".join(_cell(matrix, attack, protocol) for attack in matrix.attacks)
        lines.append(f"| `{protocol.name}` | {cells} |")
    signs = "; ".join(f"{verdict.sign} {verdict.word}" for verdict in CellResult)
    return [*lines, "", f"{signs}; ! the prediction failed."]
