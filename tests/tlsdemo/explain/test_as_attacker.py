"""The educational handshake from the attacker's seat: no secret, no result of a check, no ending that is encrypted."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.support import party_of
from tlsdemo.conversation import converse
from tlsdemo.driver import Moment
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.explain.as_data import as_data
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.conversation import Entry, Explanation
from tlsdemo.explain.educational import Explainer, explanation
from tlsdemo.explain.text import lines
from tlsdemo.protocol import Side
from tlsdemo.report.bytes import Style
from tlsdemo.wire.records import SENDERS


@dataclass(frozen=True)
class Told:
    """A conversation that the client explains, and the client."""

    explanation: Explanation
    client: Machine

    def as_attacker(self) -> dict[str, str]:
        """All forms of it for an eavesdropper."""
        found = self.explanation
        return {
            "text": " ".join(line.strip() for line in lines(found, Style(10_000), as_attacker=True)),
            "JSON": json.dumps(as_data(found, as_attacker=True), ensure_ascii=False),
            "page": as_page([("", found)], "", as_attacker=True),
        }


def told(rung: str, certs: Path, of_server: str = "") -> Told:
    """A conversation in memory; `of_server` is the rung of the server if it is another one."""
    entries: list[Entry] = []
    explainer = Explainer()

    def watch(machine: Machine, moment: Moment) -> None:
        entries.extend(explainer.entries(machine, moment))

    client = edu(RUNGS[rung], watch=watch).client(party_of(certs, Side.CLIENT))
    server = edu(RUNGS[of_server or rung]).server(party_of(certs, Side.SERVER))
    outcome = converse(client, server, lines=((Side.CLIENT, b"hunter2\n"),))
    assert isinstance(client, Machine)
    chunks = [(SENDERS[flight.sender], flight.data) for flight in outcome.tape]
    return Told(explanation(entries, client, chunks), client)


ENCRYPTED = ["dh", "signed", "ca", "mutual", "hybrid"]


@pytest.mark.parametrize("rung", ENCRYPTED)
def test_an_eavesdropper_is_not_shown_what_follows_from_the_shared_secret(rung: str, certs: Path) -> None:
    found = told(rung, certs)
    whole = "\n".join(lines(found.explanation, Style(10_000)))
    assert found.client.shared.hex()[:8] in whole
    for form, shown in found.as_attacker().items():
        assert found.client.shared.hex()[:8] not in shown, form
        for words in ("hunter2", "recomputed:", "Both get", "equals the MAC", "Checked:", "sequence number"):
            assert words not in shown, (form, words)
        assert "unknown: " in shown, form
        assert "normal: close_notify" not in shown, form


@pytest.mark.parametrize("rung", ENCRYPTED)
def test_the_number_of_records_that_can_hide_an_alert_is_that_of_the_wire(rung: str, certs: Path) -> None:
    found = told(rung, certs).explanation
    records = sum(b'"record"' in entry.data for entry in found.entries if entry.title.startswith("line "))
    assert records > 1
    assert found.seen_ending
    assert found.seen_ending.sentences == (
        f"unknown: {records} records are not decrypted, and an alert may be among them",
    )


def test_the_switch_of_the_page_hides_the_ending_and_the_results(certs: Path) -> None:
    page = as_page([("", told("ca", certs).explanation)], "")
    assert re.search(r'<p class="only-attacker">unknown: \d+ records are not decrypted', page)
    assert re.search(r'<p class="secret">normal: close_notify', page)
    results = [line for line in page.splitlines() if "Both get" in line or "equals the MAC" in line]
    assert len(results) >= 2
    assert all(re.match(r'<p class="note[a-z ]* secret">', line) for line in results)


@pytest.mark.parametrize("rung", ["plain", "multiply"])
def test_where_the_eavesdropper_reads_all_it_sees_the_end(rung: str, certs: Path) -> None:
    for form, shown in told(rung, certs).as_attacker().items():
        assert "normal: close_notify from client and server" in shown, form


def test_the_eavesdropper_of_the_toy_divides_and_is_not_shown_the_clients_computation(certs: Path) -> None:
    shown = told("multiply", certs).as_attacker()["text"]
    assert "It divides" in shown
    assert "The key share is computed from a secret" not in shown


@pytest.mark.parametrize("rung", RUNGS)
def test_both_sides_are_named_in_the_ending(rung: str, certs: Path) -> None:
    assert told(rung, certs).explanation.ending.sentences == ("normal: close_notify from client and server",)


@pytest.mark.parametrize(("rung", "of_server"), [("ca", "dh"), ("dh", "ca"), ("ca", "multiply"), ("ca", "plain")])
def test_a_refusal_is_told_in_sentences_with_one_colon(rung: str, of_server: str, certs: Path) -> None:
    found = told(rung, certs, of_server)
    refusal = found.explanation.ending.sentences[0]
    assert re.fullmatch(r"the (client|server) refused: alert [a-z_]+(, [^:]+)?", refusal)
    assert found.explanation.explained == found.explanation.total
    visible = refusal.partition(",")[0]  # before the first record, alerts are not encrypted
    for form, shown in found.as_attacker().items():
        assert visible in shown, form
