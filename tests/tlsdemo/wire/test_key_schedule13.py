"""The key schedule of TLS 1.3 against RFC 5869, RFC 8448 and OpenSSL. Falsehood caught: a wrong label or transcript."""

import hashlib
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from tests.conftest import run, tool
from tests.tlsdemo.wire.support import Trace
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import PRE_SHARED_KEY, OfferedPsks, decode_extension
from tlsdemo.wire.fields import decode
from tlsdemo.wire.key_schedule13 import (
    KEY_LOG_LABELS,
    HkdfLabel,
    Label,
    TrafficKeys,
    derive_secret,
    early_secret,
    expand,
    expand_label,
    extract,
    finished_key,
    handshake_secret,
    master_secret,
    message_hash,
    next_traffic_secret,
    resumption_psk,
    traffic_keys,
    transcript_hash,
    verify_data,
)
from tlsdemo.wire.messages13 import Finished, HelloRetryRequest, NewSessionTicket, decode_message, encode_message

HASH = "sha256"  # of the one suite in RFC 8448


def transcript(trace: Trace, until: int) -> bytes:
    """The handshake up to and without message number `until`; after a retry with message_hash (§4.4.1)."""
    messages = trace.messages()[:until]
    if len(messages) > 1 and messages[1].name == HelloRetryRequest.__name__:
        return message_hash(HASH, messages[0].raw) + b"".join(each.raw for each in messages[1:])
    return b"".join(each.raw for each in messages)


def after(trace: Trace, name: str, sender: str) -> int:
    """The position after the message of that name."""
    positions = [
        number for number, each in enumerate(trace.messages(), 1) if (each.name, each.sender) == (name, sender)
    ]
    return positions[0]


def hashed(trace: Trace, name: str, sender: str) -> bytes:
    """The transcript hash with all messages up to that one."""
    return transcript_hash(HASH, transcript(trace, after(trace, name, sender)))


def secrets(trace: Trace) -> dict[str, bytes]:
    """Every secret that the schedule gives for the messages of a trace, by its name in §7.1."""
    early = early_secret(HASH, trace.psk)
    handshake = handshake_secret(HASH, early, trace.secrets["ecdh_shared"])
    master = master_secret(HASH, handshake)
    hello = hashed(trace, "ServerHello", "server")
    server_finished, client_finished = hashed(trace, "Finished", "server"), hashed(trace, "Finished", "client")
    found = {
        "early_secret": early,
        "handshake_secret": handshake,
        "master_secret": master,
        "client_handshake_traffic_secret": derive_secret(HASH, handshake, "c hs traffic", hello),
        "server_handshake_traffic_secret": derive_secret(HASH, handshake, "s hs traffic", hello),
        "client_application_traffic_secret_0": derive_secret(HASH, master, "c ap traffic", server_finished),
        "server_application_traffic_secret_0": derive_secret(HASH, master, "s ap traffic", server_finished),
        "exporter_master_secret": derive_secret(HASH, master, "exp master", server_finished),
        "resumption_master_secret": derive_secret(HASH, master, "res master", client_finished),
    }
    if trace.psk:
        client_hello = hashed(trace, "ClientHello", "client")
        found["binder_key"] = derive_secret(HASH, early, "res binder", sha256().digest())
        found["client_early_traffic_secret"] = derive_secret(HASH, early, "c e traffic", client_hello)
        found["early_exporter_secret"] = derive_secret(HASH, early, "e exp master", client_hello)
    if trace.messages()[-1].name == NewSessionTicket.__name__:
        ticket = decode_message(trace.messages()[-1].raw)
        assert isinstance(ticket, NewSessionTicket)
        found["resumption_psk"] = resumption_psk(HASH, found["resumption_master_secret"], ticket.ticket_nonce)
    return found


def test_every_secret_of_rfc_8448_is_derived_from_its_messages(trace: Trace) -> None:
    given = ("client_random", "server_random", "ecdh_shared", "client_ecdh_private", "server_ecdh_private")
    assert secrets(trace) == {name: value for name, value in trace.secrets.items() if name not in given}


def test_both_finished_of_rfc_8448_are_computed(trace: Trace) -> None:
    for sender in ("client", "server"):
        position = after(trace, "Finished", sender)
        base_key = trace.secrets[f"{sender}_handshake_traffic_secret"]
        finished = Finished(verify_data(HASH, base_key, transcript_hash(HASH, transcript(trace, position - 1))))
        assert encode_message(finished) == trace.messages()[position - 1].raw


def test_the_binder_of_rfc_8448_covers_the_client_hello_up_to_the_binders(all_traces: dict[str, Trace]) -> None:
    trace = all_traces["rfc8448/resumed_0rtt_handshake"]
    raw = trace.messages()[0].raw
    hello = decode_message(raw)
    assert isinstance(hello, ClientHello)
    psks = decode_extension(ClientHello, PRE_SHARED_KEY, hello.extension(PRE_SHARED_KEY) or b"")
    assert isinstance(psks, OfferedPsks)
    binders = sum(1 + len(binder) for binder in psks.binders)
    truncated = raw[: -(2 + binders)]  # §4.2.11.2: without the list of binders and its length
    binder = verify_data(HASH, trace.secrets["binder_key"], transcript_hash(HASH, truncated))
    assert psks.binders == (binder,)


def test_the_psk_of_the_ticket_is_the_one_that_the_next_connection_uses(all_traces: dict[str, Trace]) -> None:
    first, resumed = all_traces["rfc8448/simple_1rtt_handshake"], all_traces["rfc8448/resumed_0rtt_handshake"]
    assert secrets(first)["resumption_psk"] == resumed.psk


def assert_step_is_computed(fields: dict[str, bytes]) -> bool:
    """Whether it is a step of the key schedule; the inputs that the draft gives must lead to its output."""
    if "IKM" in fields:
        assert extract(HASH, fields["salt"], fields["IKM"]) == fields["secret"]
    elif "key expanded" in fields:
        expected = TrafficKeys(fields["key expanded"], fields["iv expanded"])
        assert traffic_keys(HASH, fields["PRK"], len(expected.key)) == expected
    elif "finished" in fields:
        assert finished_key(HASH, fields["PRK"]) == fields["expanded"]
    elif "expanded" in fields:
        info = decode(HkdfLabel, fields["info"])
        label = Label(info.label.removeprefix(b"tls13 ").decode())
        assert info.context == fields["hash"]
        assert expand_label(HASH, fields["PRK"], label, info.context, info.length) == fields["expanded"]
    else:
        return False
    return True


def test_every_step_of_the_draft_is_computed(all_traces: dict[str, Trace]) -> None:
    steps = [step for trace in all_traces.values() for step in trace.steps]
    computed = [
        assert_step_is_computed({name: bytes.fromhex(value) for name, value in step["fields"].items()})
        for step in steps
    ]
    assert sum(computed) >= 37


@pytest.mark.parametrize(
    ("salt", "ikm", "info", "prk", "okm"),
    [
        (
            "000102030405060708090a0b0c", "0b" * 22, "f0f1f2f3f4f5f6f7f8f9",
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "", "0b" * 22, "",
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)  # fmt: skip
def test_hkdf_gives_the_output_of_rfc_5869(salt: str, ikm: str, info: str, prk: str, okm: str) -> None:
    secret = extract("sha256", bytes.fromhex(salt), bytes.fromhex(ikm))
    assert secret.hex() == prk
    assert expand("sha256", secret, bytes.fromhex(info), 42).hex() == okm


SHA384_SECRET = bytes(range(48))


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
@pytest.mark.parametrize("length", [12, 16, 32, 48, 100])
def test_openssl_expands_labels_to_the_same_bytes(hash_name: str, length: int) -> None:
    done = run(
        tool("openssl"), "kdf", "-keylen", str(length), "-kdfopt", f"digest:{hash_name.upper()}",
        "-kdfopt", f"hexkey:{SHA384_SECRET.hex()}", "-kdfopt", "prefix:tls13 ", "-kdfopt", "label:res master",
        "-kdfopt", "hexdata:aabbcc", "-kdfopt", "mode:EXPAND_ONLY", "TLS13-KDF",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours = expand_label(hash_name, SHA384_SECRET, Label.RESUMPTION_MASTER_SECRET, b"\xaa\xbb\xcc", length)
    assert ours == bytes.fromhex(done.stdout.replace(":", ""))


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
def test_openssl_extracts_the_same_secrets(hash_name: str) -> None:
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[hash_name]
    size = hashlib.new(hash_name).digest_size
    early = early_secret(hash_name)
    assert early == HKDF.extract(algorithm, bytes(size), bytes(size))
    derived = derive_secret(hash_name, early, "derived", hashlib.new(hash_name).digest())
    handshake = handshake_secret(hash_name, early, b"shared")
    assert handshake == HKDF.extract(algorithm, derived, b"shared")
    derived = derive_secret(hash_name, handshake, "derived", hashlib.new(hash_name).digest())
    assert master_secret(hash_name, handshake) == HKDF.extract(algorithm, derived, bytes(size))


@pytest.mark.parametrize(("hash_name", "size"), [("sha256", 32), ("sha384", 48)])
def test_everything_is_as_long_as_the_hash(hash_name: str, size: int) -> None:
    secret = handshake_secret(hash_name, early_secret(hash_name), b"")
    for value in (
        secret,
        next_traffic_secret(hash_name, secret),
        finished_key(hash_name, secret),
        verify_data(hash_name, secret, bytes(size)),
        transcript_hash(hash_name, b""),
        resumption_psk(hash_name, secret, b""),
    ):
        assert len(value) == size
    assert len(message_hash(hash_name, b"hello")) == 4 + size
    assert message_hash(hash_name, b"hello") == bytes([254, 0, 0, size]) + hashlib.new(hash_name, b"hello").digest()


def test_a_key_update_gives_the_secret_of_section_7_2() -> None:
    # The info, byte for byte: length 32, label "tls13 traffic upd", empty context.
    info = b"\0\x20" + b"\x11tls13 traffic upd" + b"\0"
    assert next_traffic_secret("sha256", b"s" * 32) == HKDFExpand(hashes.SHA256(), 32, info).derive(b"s" * 32)


def test_expand_gives_at_most_255_hashes() -> None:
    assert len(expand("sha256", b"s", b"", 255 * 32)) == 255 * 32
    with pytest.raises(ValueError, match="at most 255 hashes"):
        expand("sha256", b"s", b"", 255 * 32 + 1)


@pytest.mark.parametrize(
    ("label", "context", "length"), [("x" * 250, b"", 32), ("x", bytes(256), 32), ("x", b"", 2**16)]
)
def test_a_label_that_does_not_fit_is_misuse(label: str, context: bytes, length: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        expand_label("sha256", bytes(32), label, context, length)


def test_the_key_log_labels_are_those_of_the_traces(trace: Trace) -> None:
    by_label = {line.split()[0]: bytes.fromhex(line.split()[2]) for line in trace.key_log.splitlines()}
    names = {"EARLY_EXPORTER_MASTER_SECRET": "early_exporter_secret"}
    ours = {
        KEY_LOG_LABELS[label]: value
        for label in KEY_LOG_LABELS
        if (value := secrets(trace).get(names.get(label.name, label.name.lower()))) is not None
    }
    assert {label: value for label, value in ours.items() if label in by_label} == by_label
