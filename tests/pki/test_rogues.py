"""The catalogue keeps its promises. Falsehood caught: a rogue refused for another reason than the one it teaches."""

import json
import ssl
import sys
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509

from pki import names
from pki.authority import Validity
from pki.rogues import CATALOGUE, Ingredients, Mode, Must, Specimen
from pki.rogues.case import collect, rogue
from tests.pki.support import STRICT_3_13, first, handshake, key, pem, serial

FLAGS = {Mode.PYTHON_3_11: ssl.VERIFY_DEFAULT, Mode.PYTHON_3_13: STRICT_3_13}
every_case = pytest.mark.parametrize("case", CATALOGUE)
in_every_mode = pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)


@pytest.fixture
def given(certs: Path) -> Ingredients:
    """What an attacker knows about the PKI of the tests."""
    server = first(certs / "server.pem")
    return Ingredients(
        root=first(certs / "root.pem"),
        alternative_names=names.of_certificate(server),
        validity=Validity.of(server),
        new_key=key,
        new_serial=serial,
    )


def measured(specimen: Specimen, anchors: tuple[x509.Certificate, ...], flags: ssl.VerifyFlags) -> frozenset[int]:
    """The verify codes with which Python's ssl refuses the specimen; empty when it accepts."""
    credential = specimen.credential
    refused = handshake(
        pem(*anchors).decode(),
        credential.chain_pem.decode(),
        credential.key_pem.decode(),
        name="localhost",
        flags=flags,
    )
    return frozenset() if refused is None else frozenset({refused.verify_code})


@every_case
@in_every_mode
def test_a_rogue_is_refused_with_the_codes_that_it_states(given: Ingredients, case: str, mode: Mode) -> None:
    declared = CATALOGUE[case]
    found = measured(declared.mint(given), (given.root,), FLAGS[mode])
    assert found == declared.verify_codes[mode]
    assert bool(found) is (declared.must is Must.REJECT)


@every_case
@in_every_mode
def test_a_rogues_control_is_accepted(given: Ingredients, case: str, mode: Mode) -> None:
    specimen = CATALOGUE[case].mint(given)
    assert measured(specimen, specimen.control, FLAGS[mode]) == frozenset()


def test_the_modes_are_those_of_the_running_interpreter() -> None:
    running = Mode.PYTHON_3_13 if sys.version_info >= (3, 13) else Mode.PYTHON_3_11
    default = ssl.create_default_context().verify_flags & STRICT_3_13
    assert default == FLAGS[running] & STRICT_3_13


@every_case
def test_a_rogue_agrees_with_the_measured_table(shared_data: Path, case: str) -> None:
    rows = {row["case"]: row for row in json.loads((shared_data / "certificate-cases.json").read_text())["cases"]}
    declared, row = CATALOGUE[case], rows[case]
    for mode in Mode:
        assert declared.verify_codes[mode] == {row["openssl_3_0"][mode.value]["verify_code"]}
    assert (declared.must.value, declared.disputed) == (row["must"], row["disputed"])


@every_case
def test_a_rogue_tells_its_story_and_names_its_clause(case: str) -> None:
    assert len(CATALOGUE[case].story.split()) > 10
    assert CATALOGUE[case].clause.startswith("RFC ")


@every_case
def test_an_attacker_mints_a_new_key_and_a_new_serial_each_time(given: Ingredients, case: str) -> None:
    one, other = (CATALOGUE[case].mint(given).credential for _ in range(2))
    assert one.key_pem != other.key_pem
    assert one.certificate.serial_number != other.certificate.serial_number


def test_the_first_entry_copies_the_roots_subject_key_identifier(given: Ingredients) -> None:
    attacker = CATALOGUE["rogue-same-name-forged-aki"].mint(given).control[0]
    own, roots = (
        each.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        for each in (attacker, given.root)
    )
    assert own == roots != x509.SubjectKeyIdentifier.from_public_key(attacker.public_key()).digest


def test_a_rogue_without_a_story_is_misuse() -> None:
    def mute(given: Ingredients) -> Specimen:
        raise NotImplementedError

    with pytest.raises(ValueError, match="no docstring"):
        rogue(clause="RFC 5280", verify_codes={})(mute)


def test_two_rogues_of_one_name_are_misuse() -> None:
    theme = ModuleType("theme")
    theme.one = theme.other = next(iter(CATALOGUE.values()))  # type: ignore[attr-defined]  # a module made up here
    with pytest.raises(ValueError, match="two rogues"):
        collect(theme)
