"""Key logs, read and written. Falsehood caught: an entry lost, or a malformed line that stops the reading."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlsdemo.wire.support import Capture, Conversation, Trace, contexts, master_secrets
from tests.tlsdemo.wire.test_first_flight import hello_of
from tlsdemo.wire.key_log import CLIENT_RANDOM, KeyLog, MalformedLine, line, parse
from tlsdemo.wire.key_schedule13 import KEY_LOG_LABELS

RANDOM, OTHER = bytes(range(32)), bytes(32)


def test_the_key_log_of_a_capture_is_read(capture: Capture) -> None:
    log = parse(capture.keys)
    assert log.malformed == ()
    secrets = log.of(hello_of(capture.client).random)
    if "tls12" in capture.name:
        assert secrets == {CLIENT_RANDOM: master_secrets(capture.keys)[hello_of(capture.client).random]}
    else:
        assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_HANDSHAKE_TRAFFIC_SECRET"} <= set(secrets)
        assert set(secrets) <= set(KEY_LOG_LABELS.values())


def test_the_key_log_of_a_trace_is_read_and_written_back(trace: Trace) -> None:
    log = parse(trace.key_log)
    ((client_random, secrets),) = log.secrets.items()
    assert client_random == trace.secrets["client_random"]
    assert secrets["CLIENT_TRAFFIC_SECRET_0"] == trace.secrets["client_application_traffic_secret_0"]
    assert [line(label, client_random, secret) for label, secret in secrets.items()] == trace.key_log.splitlines()


def test_the_key_log_of_static_rsa_is_read(tmp_path: Path) -> None:
    """OpenSSL writes a line RSA, which does not name the connection, and a line CLIENT_RANDOM."""
    client, server = contexts("AES128-GCM-SHA256")
    client.keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(client, server).say(b"line", b"answer")
    text = (tmp_path / "keys.log").read_text()
    assert "RSA " in text
    log = parse(text)
    assert log.malformed == ()
    assert set(log.secrets) == {hello_of(talk.client.sent).random}


def test_the_key_log_of_openssl_is_read(tmp_path: Path) -> None:
    client, server = contexts(version=ssl.TLSVersion.TLSv1_3)
    client.keylog_filename = str(tmp_path / "keys.log")
    talk = Conversation(client, server).say(b"line", b"answer")
    log = parse((tmp_path / "keys.log").read_text())
    assert log.malformed == ()
    secrets = log.of(hello_of(talk.client.sent).random)
    assert {len(secret) for secret in secrets.values()} == {48}
    assert set(secrets) <= set(KEY_LOG_LABELS.values())


ENTRIES = st.dictionaries(
    st.binary(min_size=32, max_size=32),
    st.dictionaries(st.sampled_from([*KEY_LOG_LABELS.values(), "X_1"]), st.binary(min_size=1, max_size=64), min_size=1),
)


@given(ENTRIES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_what_was_written_is_read(entries: dict[bytes, dict[str, bytes]], end: str, upper: bool) -> None:
    lines = [line(label, random, secret) for random, secrets in entries.items() for label, secret in secrets.items()]
    if upper:
        lines = [" ".join((each.split()[0], *(word.upper() for word in each.split()[1:]))) for each in lines]
    text = end.join(["# a comment", "", *lines, "   ", ""])
    assert parse(text) == KeyLog(entries)


@given(st.text())
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert all(1 <= each.number <= 1 + len(text) for each in parse(text).malformed)


def test_malformed_lines_are_listed_and_the_others_count() -> None:
    good = line("CLIENT_RANDOM", RANDOM, b"secret")
    bad = {
        "CLIENT_RANDOM": "1 words, 3 required: label, client random, secret",
        good + " more": "4 words, 3 required: label, client random, secret",
        f"CLIENT_RANDOM {RANDOM.hex()} 0": "the secret is not hexadecimal",
        f"CLIENT_RANDOM {RANDOM.hex()} 0g": "the secret is not hexadecimal",
        f"CLIENT_RANDOM zz{RANDOM.hex()} 00": "the client random is not hexadecimal",
        f"CLIENT_RANDOM {RANDOM.hex()}00 00": "the client random has 33 bytes, 32 required",
        "CLIENT_RANDOM 0011223344556677 00": "the client random has 8 bytes, 32 required",
    }
    log = parse("\n".join(["# first", *bad, good]))
    assert log.secrets == {RANDOM: {"CLIENT_RANDOM": b"secret"}}
    assert log.malformed == tuple(MalformedLine(number, reason) for number, reason in enumerate(bad.values(), 2))


def test_the_last_of_two_equal_labels_counts_and_an_unknown_connection_is_empty() -> None:
    log = parse("\n".join([line("A", RANDOM, b"1"), line("A", RANDOM, b"2"), line("B", RANDOM, b"3")]))
    assert log.of(RANDOM) == {"A": b"2", "B": b"3"}
    assert log.of(OTHER) == {}


@pytest.mark.parametrize(
    ("label", "client_random", "secret"),
    [
        ("A B", RANDOM, b"1"),
        ("", RANDOM, b"1"),
        ("A\n", RANDOM, b"1"),
        ("#A", RANDOM, b"1"),
        ("A", b"", b"1"),
        ("A", RANDOM, b""),
    ],
)
def test_an_entry_that_could_not_be_read_is_not_written(label: str, client_random: bytes, secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"required|hexadecimal|not a label"):
        line(label, client_random, secret)
