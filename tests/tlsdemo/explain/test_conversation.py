"""Explanations of recorded conversations. Caught: a byte without a row, a check mark without a computation, a secret
that an eavesdropper is shown, a traceback for damaged bytes."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import missing
from tlsdemo.explain.as_data import as_data
from tlsdemo.explain.as_page import as_page
from tlsdemo.explain.conversation import Entry, Explanation, Kind, explain
from tlsdemo.explain.rows import Row
from tlsdemo.explain.text import MOST, lines
from tlsdemo.report.bytes import Style
from tlsdemo.wire import captures, key_log
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.records import Sender, framed

NOW = datetime(2026, 11, 27, tzinfo=UTC)
NAMES = ("illustrated-tls13", "python-ssl-tls12", "python-ssl-tls13")
FROM_RFC = ("rfc8448-simple_1rtt_handshake", "rfc8448-helloretryrequest_handshake")

Chunks = list[tuple[Sender, bytes]]


def recorded(name: str) -> tuple[Chunks, KeyLog]:
    """A capture of the shared data, and its key log."""
    folder = os.environ.get("TLSDEMO_DATA")
    if not folder:
        missing("the data folder named by TLSDEMO_DATA")
    return read(Path(folder or "") / "captures", name)


def read(folder: Path, name: str) -> tuple[Chunks, KeyLog]:
    (connection,) = captures.read((folder / f"{name}.pcap").read_bytes()).connections
    chunks: Chunks = [(each.sender, each.data) for each in connection.chunks]
    return chunks, key_log.parse((folder / f"{name}.keys").read_text())


def explained(name: str) -> Explanation:
    chunks, keys = recorded(name)
    return explain(chunks, keys, NOW)


@pytest.mark.parametrize("name", [*NAMES, *FROM_RFC])
def test_every_byte_of_a_capture_is_explained(name: str) -> None:
    found = explained(name)
    assert found.explained == found.total > 1000
    assert not found.problems


@pytest.mark.parametrize("name", [*NAMES, *FROM_RFC])
def test_the_rows_of_an_entry_tile_its_bytes(name: str) -> None:
    for entry in explained(name).entries:
        ends = [0, *(row.end for row in entry.rows)]
        assert [row.start for row in entry.rows] == ends[:-1]
        assert ends[-1] == len(entry.data)


@pytest.mark.parametrize("name", [*NAMES, *FROM_RFC])
def test_each_finished_and_each_signature_is_recomputed(name: str) -> None:
    made = {entry.title: entry.checks for entry in explained(name).entries if entry.kind is Kind.MESSAGE}
    assert made["Finished"] and all(check.passed for check in made["Finished"])
    proof = "CertificateVerify" if "tls12" not in name else "ServerKeyExchangeEcdhe"
    assert [check.passed for check in made[proof]] == [True]


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_message_gets_no_check_mark(name: str) -> None:
    """The first random byte of ClientHello is another one: the transcript differs from what was signed."""
    chunks, keys = recorded(name)
    sender, first = chunks[0]
    place = 5 + 4 + 2 + 20
    chunks[0] = sender, first[:place] + bytes([first[place] ^ 1]) + first[place + 1 :]
    renamed = {random[:20] + bytes([random[20] ^ 1]) + random[21:]: secrets for random, secrets in keys.secrets.items()}
    found = explain(chunks, replace(keys, secrets=renamed), NOW)
    checks = [check.passed for entry in found.entries for check in entry.checks]
    assert checks
    assert True not in checks


@pytest.mark.parametrize("name", NAMES)
def test_without_a_key_log_nothing_encrypted_is_explained_or_checked(name: str) -> None:
    chunks, _ = recorded(name)
    found = explain(chunks, None, NOW)
    assert found.explained < found.total
    assert all("no key log" in entry.title for entry in found.entries if entry.kind is Kind.RECORD and entry.hidden)
    assert not [check for entry in found.entries if entry.title == "Finished" for check in entry.checks]


@pytest.mark.parametrize("name", NAMES)
def test_as_the_attacker_no_secret_and_no_application_data_is_shown(name: str) -> None:
    chunks, keys = recorded(name)
    found = explain(chunks, keys, NOW)
    text = "\n".join(lines(found, Style(100), as_attacker=True)) + str(as_data(found, as_attacker=True))
    secrets = [secret.hex() for each in keys.secrets.values() for secret in each.values()]
    data = [entry.data for entry in found.entries if entry.kind is Kind.DATA]
    assert secrets and data
    assert not [secret for secret in secrets if secret[:40] in text]
    assert not [each for each in data if each.hex() in text or each.decode("ascii", "replace")[:12] in text]
    whole = "\n".join(lines(found, Style(100)))
    assert all(secret[:40] in whole.replace("\n", "").replace(" ", "") for secret in secrets[:1])


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_its_reason_and_the_terminal_tells_each_reason_once(name: str) -> None:
    found = explained(name)
    entries = as_data(found)["entries"]
    assert not [field for entry in entries for field in entry["fields"] if not field["reason"]]
    printed = [line.partition("| ")[2] for line in lines(found, Style(10_000)) if line.lstrip().startswith("| ")]
    reasons = {row.reason for entry in found.entries if entry.kind is not Kind.RECORD for row in entry.rows}
    assert len(reasons) > 20
    assert sorted(printed) == sorted(reasons)


def test_a_reason_that_is_hidden_from_the_attacker_is_told_where_it_is_shown() -> None:
    """The server's Certificate of TLS 1.3 is hidden, and a reason that it shares with ClientHello is not."""
    row = Row(0, 1, 0, "field", "1", "why")
    hidden = Entry(Kind.MESSAGE, "server", "Certificate", "", b"1", (row,), hidden=True)
    shown = Entry(Kind.MESSAGE, "server", "Alert", "", b"1", (row,))
    found = replace(explained(NAMES[0]), entries=(hidden, shown))
    assert "| why" in "\n".join(lines(found, Style(100), as_attacker=True))


def test_a_suite_that_is_not_decrypted_is_named() -> None:
    """TLS 1.2 with CBC: its key log is there, and its records stay closed."""
    found = explained("illustrated-tls12")
    hidden = [entry.title for entry in found.entries if entry.kind is Kind.RECORD and entry.hidden]
    assert hidden
    assert all("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA in TLS 1.2 is not implemented" in title for title in hidden)
    assert found.explained < found.total


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked(name: str, width: int) -> None:
    for brief in (False, True):
        assert max(map(len, lines(explained(name), Style(width, brief)))) <= width


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_conversations_are_explained_as_far_as_they_can_be_read(data: st.DataObject) -> None:
    chunks, keys = recorded(data.draw(st.sampled_from(NAMES)))
    number = data.draw(st.integers(0, len(chunks) - 1))
    sender, piece = chunks[number]
    at = data.draw(st.integers(0, len(piece) - 1))
    match data.draw(st.sampled_from(["change", "cut", "drop", "double", "other side"])):
        case "change":
            chunks[number] = sender, piece[:at] + data.draw(st.binary(min_size=1, max_size=4)) + piece[at + 1 :]
        case "cut":
            chunks[number:] = [(sender, piece[:at])]
        case "drop":
            del chunks[number]
        case "double":
            chunks.insert(number, chunks[number])
        case "other side":
            chunks[number] = ("server" if sender == "client" else "client"), piece
    found = explain(chunks, keys, NOW)
    assert found.explained <= found.total
    assert list(lines(found, Style(80)))
    assert as_data(found)


@given(st.lists(st.tuples(st.sampled_from(["client", "server"]), st.binary(max_size=200)), max_size=6))
@settings(max_examples=200, deadline=None)
def test_foreign_bytes_are_no_traceback(chunks: Chunks) -> None:
    assert list(lines(explain(chunks, None, NOW), Style(80)))


@pytest.mark.parametrize(
    ("data", "what"),
    [(bytes(500_000), "unknown contents"), (bytes.fromhex("160303000400000000") * 4_000, "messages")],
    ids=["zeros", "HelloRequests"],
)
def test_a_flood_is_counted_after_some_lines_and_the_summary_follows(data: bytes, what: str) -> None:
    """Each record is told in two lines or more, so that all of them would be far more lines."""
    found = explain([("client", data)], None, NOW)
    printed = list(lines(found, Style(100)))
    assert MOST < len(printed) < MOST + 20
    left_out = next(line for line in printed if line.startswith("not printed"))
    shown = sum(line.startswith("CLIENT record") for line in printed)
    records = sum(entry.kind is Kind.RECORD for entry in found.entries)
    number = int(left_out.partition(": ")[2].split(" ")[0].replace(",", ""))
    assert records - shown <= number <= records - shown + 1
    assert what in left_out
    assert printed[-1].startswith("ending ")


def test_one_long_message_does_not_pass_the_limit() -> None:
    """A Certificate of many tiny certificates has one row for each."""
    body = bytes(1) + (12_000).to_bytes(3) + bytes.fromhex("000001ff0000") * 2_000
    message = bytes([11]) + len(body).to_bytes(3) + body
    found = explain([("server", framed(22, 0x0303, message))], None, NOW)
    assert len(list(lines(found, Style(100)))) < MOST + 20


def test_tls12_names_the_write_key_of_the_sender() -> None:
    """CLIENT_RANDOM is a label in the key log: the random itself is public, and no key."""
    found = explained("python-ssl-tls12")
    titles = [entry.title for entry in found.entries if entry.kind is Kind.RECORD and entry.secret]
    assert titles
    assert all(
        f"encrypted with the {side} write key, " in title for title, side in zip(titles, senders(found), strict=True)
    )
    page = as_page([("", found)], "")
    assert "CLIENT_RANDOM" not in "".join(lines(found, Style(1000))) + str(as_data(found)) + page
    assert ">the client write key</a>" in page


def senders(found: Explanation) -> list[str]:
    return [entry.sender for entry in found.entries if entry.kind is Kind.RECORD and entry.secret]
