"""`tlsdemo compare --peers` against OpenSSL and Python. Caught: a claim about a peer that was not seen."""

import json
import re
import tempfile
from pathlib import Path

import pytest

from pki.errors import ExitCode
from pki.keys import KeyType
from tests import guides
from tests.conftest import Command, mint, tool
from tlsdemo.attack.catalogue import ATTACKS
from tlsdemo.lab.peers import trials
from tlsdemo.protocol import Protection, Side

P = Protection
Found = dict[tuple[str, str], dict[str, trials.PeerTrial]]
AT_HELLO = {P.SECRECY, P.STRONG_GROUP, P.INTEGRITY}
AT_RECORD = {P.TRANSCRIPT: 1, P.COMPRESSION_SAFETY: 1, P.KEY_SEPARATION: 1, P.ORDER: 2}
UNNOTICED = set(Protection) - AT_HELLO - AT_RECORD.keys()


@pytest.fixture(scope="module")
def found(openssl_there: None, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The trials of OpenSSL's and Python's client and server, by program and side."""
    with trials.open_bench(None) as bench:
        peers = [(side, name) for side in Side for name in ("openssl", "python")]
        reports = trials.run_all(bench, peers, list(Protection))
    assert not [report.not_tested for report in reports if report.not_tested]
    return {
        (report.name, report.side.value): {trial.removed.name: trial for trial in report.trials} for report in reports
    }


@pytest.fixture(scope="module")
def openssl_there() -> None:
    tool("openssl")


PEERS = [(name, side) for side in ("client", "server") for name in ("openssl", "python")]
every_peer = pytest.mark.parametrize("peer", PEERS, ids="-".join)


@every_peer
def test_the_protections_that_are_missed_are_those_whose_lack_cannot_be_seen(
    found: Found, peer: tuple[str, str]
) -> None:
    assert {name for name, trial in found[peer].items() if trial.noticed is False} == {each.name for each in UNNOTICED}
    assert not [name for name, trial in found[peer].items() if trial.noticed is None]


@every_peer
@pytest.mark.parametrize("protection", sorted(AT_HELLO, key=str), ids=lambda each: each.name)
def test_a_suite_or_group_that_the_peer_does_not_have_ends_in_handshake_failure(
    found: Found, peer: tuple[str, str], protection: Protection
) -> None:
    met = found[peer][protection.name].meeting
    assert (met.alert, met.record) == ("handshake_failure", 0)
    assert met.end.name == ("ALERTED" if peer[1] == "server" else "FAILED")


@every_peer
@pytest.mark.parametrize("protection", AT_RECORD, ids=lambda each: each.name)
def test_what_changes_records_is_noticed_at_the_first_record_that_differs(
    found: Found, peer: tuple[str, str], protection: Protection
) -> None:
    """Without ORDER the first record is right: its number is 0 in any case."""
    met = found[peer][protection.name].meeting
    assert met.record == AT_RECORD[protection]
    alert = "unexpected_message" if protection is P.COMPRESSION_SAFETY else "bad_record_mac"
    assert met.alert == alert
    assert met.end.name == ("FAILED" if peer[1] == "server" else "ALERTED")


def test_the_table_of_the_guide_is_what_openssl_does() -> None:
    """The other tests show that OpenSSL does what the constants above say."""
    table = dict(
        re.findall(r"^\| ([a-z, ]+) \| ((?:not )?noticed.*) \|$", guides.text("tlsdemo/attack/README.md"), re.M)
    )
    told = {frozenset(Protection[each.replace(" ", "_").upper()] for each in names.split(", ")): how
            for names, how in table.items() if names != "all others"}  # fmt: skip
    first, second = (frozenset(each for each, record in AT_RECORD.items() if record == number) for number in (1, 2))
    assert told.keys() == {frozenset(AT_HELLO), first, second}
    assert "alert 40" in told[frozenset(AT_HELLO)]
    assert "first encrypted record" in told[first]
    assert "second encrypted record" in told[second]
    assert table["all others"] == "not noticed"


def test_every_protection_that_peers_miss_stops_an_attack_that_succeeds_without_it() -> None:
    """The two halves of the story: the peer notices nothing, and the attacker wins."""
    stopping = {each for attack in ATTACKS for each in attack.stopped_by}
    assert stopping >= UNNOTICED


def test_a_peer_that_refuses_the_control_is_not_tested(tmp_path: Path, openssl_there: None) -> None:
    """Python's client checks the name. Falsehood caught: its refusals count as a notice of what was removed."""
    certs = mint(tmp_path / "certs", alternative_names=["other.example"])
    with trials.open_bench(certs) as bench:
        (report,) = trials.run_all(bench, [(Side.CLIENT, "python")], [P.ORDER])
    assert report.trials == ()
    assert report.not_tested.startswith("the control failed: the peer ")


def test_a_certificate_that_does_not_go_with_a_weak_part_shows_nothing_about_the_peer(tmp_path: Path) -> None:
    """Without FORWARD_SECRECY the server's secret is the key of its certificate, on P-256."""
    certs = mint(tmp_path / "certs", KeyType.RSA_2048)
    with trials.open_bench(certs) as bench:
        (report,) = trials.run_all(bench, [(Side.CLIENT, "python")], [P.FORWARD_SECRECY, P.NAME])
    assert [trial.noticed for trial in report.trials] == [None, False]
    assert "P-256" in report.trials[0].meeting.why


def test_the_command_prints_json_of_named_programs_and_protections(cli: Command, openssl_there: None) -> None:
    answer = cli("compare", "--peers", "--json", "--only", "openssl,order,name")
    assert answer.code == ExitCode.YES
    document = json.loads(answer.out)
    assert [(each["peer"], each["side"]) for each in document["peers"]] == [
        ("openssl", "client"),
        ("openssl", "server"),
    ]
    assert "client identity" not in document["control"]
    for peer in document["peers"]:
        order, name = peer["trials"]
        assert [order["removed"], name["removed"]] == ["order", "name"]
        assert (name["noticed"], name["end"], name["alert"], name["record"]) == (False, "exchanged", None, None)
        assert (order["noticed"], order["alert_number"], order["record"]) == (True, 20, 2)


def test_the_table_fits_a_terminal_and_markdown_has_the_same_cells(cli: Command, openssl_there: None) -> None:
    chosen = ("--only", "openssl", "--only", "order,post quantum,secrecy")
    shown = cli("compare", "--peers", *chosen).out
    assert max(map(len, shown.splitlines())) <= 80
    assert "exchanged data with our server, although it lacked: post quantum." in " ".join(shown.split())
    markdown = cli("compare", "--peers", "--markdown", *chosen).out
    assert "| order | 20:2 | (20:2) |" in markdown
    assert "| post quantum | - | - |" in markdown
    assert "| secrecy | (40) | 40 |" in markdown


def test_nothing_is_left_of_a_run(temporary_folder: Path, cli: Command, openssl_there: None) -> None:
    assert cli("compare", "--peers", "--only", "openssl,closure").code == ExitCode.YES
    assert list(temporary_folder.iterdir()) == []


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("--peers", "--only", "quic"), ("--peers", "--html", "x.html"), ("--certs", "certs"), ("--peers", "--json",
     "--markdown")],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_said(cli: Command, words: tuple[str, ...]) -> None:
    assert cli("compare", *words).code == ExitCode.USAGE


def test_a_program_that_is_missing_is_left_out_with_a_note(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    answer = cli("compare", "--peers", "--only", "go")
    assert answer.code == ExitCode.CANNOT
    assert "note: go is left out as a client: the program go is not installed" in answer.err
    assert "no program of these is installed" in answer.err
