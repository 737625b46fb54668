"""Untrusted, unusual and damaged files in show, verify, diff, list. Falsehood caught: a traceback, or a hang."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from types import FrameType

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki.cases import CATALOGUE
from tests.conftest import REQUIRE, mint
from tests.oracles import mutate
from tests.pki.cases.test_cases import minted_once
from tests.pki.conftest import Command
from tests.pki.support import first

PATIENCE = 20  # seconds: a hang, not a slow machine
DOCUMENTED = {0, 1, 3}
Mutate = Callable[[bytes, st.DataObject], bytes]


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Fails what takes longer."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it has taken {seconds} seconds")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def look_at(cli: Command, file: Path, certs: Path) -> None:
    """Every command that reads a file exits as documented, and prints no terminal escapes."""
    for words in (
        ("show", file),
        ("show", file, "--der"),
        ("show", file, "--json"),
        ("verify", file, "--dir", certs, "--json"),
        ("verify", certs / "server.pem", "--trust", file),
        ("diff", file, certs / "root.pem"),
    ):
        with no_longer_than(PATIENCE):
            answer = cli(*words)
        assert answer.code in DOCUMENTED, (words, answer)
        assert answer.code != 3 or "error: " in answer.err, (words, answer)
        assert not any(ord(c) < 32 and c not in "\n\t" for c in answer.out + answer.err), words


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the library's opinion, so that thousands are fast enough."""
    monkeypatch.setenv("PATH", "/nonexistent")


def vectors() -> list[Path]:
    """What the makers of `cryptography` have collected."""
    try:
        import cryptography_vectors
    except ImportError:
        return []
    folder = Path(cryptography_vectors.__file__).parent / "x509"
    return sorted(path for path in folder.rglob("*") if path.is_file() and "PKITS" not in path.parts[-3:][0])


def is_of_the_suite(path: Path) -> bool:
    """PKITS is judged elsewhere (test_oracles)."""
    return "PKITS_data" not in path.parts


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("without_programs")
def test_no_odd_certificate_of_others_ends_in_a_traceback(certs: Path, cli: Command) -> None:
    found = [path for path in vectors() if is_of_the_suite(path)]
    if not found:
        if REQUIRE:
            pytest.fail("the package cryptography-vectors is missing")
        pytest.skip("the package cryptography-vectors is not installed")
    assert sum("custom" in path.parts for path in found) > 90
    for path in found:
        look_at(cli, path, certs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("without_programs")
@pytest.mark.parametrize("case", CATALOGUE)
def test_no_rogue_ends_in_a_traceback(case: str, certs: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one.pem").write_bytes(minted_once(case).served.chain_pem)
    (tmp_path / "one.der").write_bytes(minted_once(case).served.chain[0])
    for file in ("one.pem", "one.der"):
        look_at(cli, tmp_path / file, certs)


def _flipped(data: bytes, draw: st.DataObject) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        changed[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    return bytes(changed)


def _cut(data: bytes, draw: st.DataObject) -> bytes:
    return data[: draw.draw(st.integers(0, len(data) - 1))]


def _spliced(data: bytes, draw: st.DataObject) -> bytes:
    start, end = sorted((draw.draw(st.integers(0, len(data))), draw.draw(st.integers(0, len(data)))))
    return data[:start] + draw.draw(st.binary(max_size=40)) + data[end:]


MUTATIONS: dict[str, Mutate] = {"flipped": _flipped, "cut": _cut, "spliced": _spliced}


def originals(certs: Path) -> dict[str, bytes]:
    """A file of each kind, in DER: there a damage hits the structure, and not the armour."""
    leaf = first(certs / "server.pem")
    key = minted_once("good").credential.key
    return {
        "certificate": leaf.public_bytes(Encoding.DER),
        "rogue": minted_once("nc-excluded-vs-wildcard").served.chain[1],
        "chain": (certs / "server.pem").read_bytes(),
        "list": (certs / "crl.pem").read_bytes(),
        "key": (certs / "server.key").read_bytes(),
        "pkcs12": pkcs12.serialize_key_and_certificates(None, key, None, [leaf], NoEncryption()),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("without_programs")
@pytest.mark.parametrize("kind", ["certificate", "rogue", "chain", "list", "key", "pkcs12"])
@pytest.mark.parametrize("mutation", MUTATIONS)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_no_damage_ends_in_a_traceback(
    kind: str, mutation: str, certs: Path, tmp_path: Path, cli: Command, draw: st.DataObject
) -> None:
    (tmp_path / "one").write_bytes(MUTATIONS[mutation](originals(certs)[kind], draw))
    look_at(cli, tmp_path / "one", certs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("without_programs")
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False), place=st.integers(0, 10_000))
def test_no_change_of_one_element_ends_in_a_traceback(
    certs: Path, tmp_path: Path, cli: Command, chance: Random, place: int
) -> None:
    pool = catalogue()
    (tmp_path / "one.pem").write_bytes(mutate.mutated(pool[place % len(pool)], chance))
    look_at(cli, tmp_path / "one.pem", certs)
    assert cli("list", "--dir", tmp_path).code in DOCUMENTED


catalogue = cache(mutate.originals)


@pytest.mark.filterwarnings("ignore")
def test_the_oracle_finds_no_exception() -> None:
    result = mutate.run(300, 1)
    assert result.inputs == 300
    assert result.exceptions == {}


@pytest.mark.usefixtures("without_programs")
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=400))
def test_no_random_file_ends_in_a_traceback(data: bytes, certs: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "one").write_bytes(data)
    look_at(cli, tmp_path / "one", certs)


@pytest.mark.filterwarnings("ignore")
def test_a_folder_full_of_them_is_listed(tmp_path: Path, cli: Command) -> None:
    certs = mint(tmp_path / "certs")
    for case in CATALOGUE:
        (certs / f"{case}.pem").write_bytes(minted_once(case).served.chain_pem)
    for number, path in enumerate(each for each in vectors() if is_of_the_suite(each)):
        (certs / f"odd-{number}.pem").write_bytes(path.read_bytes())
    for data in (b"", b"\x00" * 50, b"-----BEGIN CERTIFICATE-----\n"):
        (certs / f"none-{len(data)}.pem").write_bytes(data)
    with no_longer_than(PATIENCE):
        answer = cli("list", "--dir", certs)
    assert answer.code == 0
    assert "expired.pem" in answer.out
    assert "none-0.pem is not listed" in answer.err
