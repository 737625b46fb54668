"""`pki rogue` as a user meets it. Falsehood caught: a folder that does not show what the catalogue says."""

import json
import shlex
from pathlib import Path

import pytest

from pki.cases import CATALOGUE, Must
from tests.pki.conftest import Command
from tests.pki.support import assert_keys_are_private as assert_private
from tests.pki.support import by_gnutls, by_openssl, files


def test_the_list_names_every_case_by_theme(cli: Command) -> None:
    answer = cli("rogue", "list")
    assert answer.code == 0
    for case in CATALOGUE:
        assert f"  {case} " in answer.out
    assert all(len(line) <= 80 for line in answer.out.splitlines())


def test_the_list_as_json_has_all_that_is_declared(cli: Command) -> None:
    rogues = json.loads(cli("rogue", "list", "--json").out)["rogues"]
    assert [each["case"] for each in rogues] == list(CATALOGUE)
    noaki = next(each for each in rogues if each["case"] == "rogue-same-name-noaki")
    assert noaki["openssl_3_0"]["python_3_13"] == {"verdict": "reject", "verify_codes": [85]}
    assert noaki["severity"] == "must"


def test_the_table_has_a_row_for_each(cli: Command) -> None:
    lines = cli("rogue", "list", "--markdown").out.splitlines()
    assert len(lines) == 2 + len(CATALOGUE)
    assert {line.count(" | ") for line in lines[2:]} == {6}


def test_a_minted_rogue_is_refused_and_its_control_accepted_by_others(cli: Command, tmp_path: Path) -> None:
    answer = cli("rogue", "mint", "expired", "leaf-signs-leaf", "--out", tmp_path / "r", "--name", "shop.example")
    assert answer.code == 0
    for case in ("expired", "leaf-signs-leaf"):
        folder = tmp_path / "r" / case
        for judge in (by_openssl, by_gnutls):
            assert not judge(folder / "root.pem", folder / "server.pem", "shop.example").accepted
            control = judge(folder / "control/root.pem", folder / "control/server.pem", "shop.example")
            assert control.accepted, control.words
    assert_private(tmp_path / "r")


@pytest.mark.parametrize("case", ["good", "self-signed", "rogue-same-name-forged-aki"])
def test_a_wildcard_that_covers_no_host_has_a_host_beside_it(cli: Command, case: str) -> None:
    """Directly below a top-level name no client believes it, so that the control would be refused as well."""
    shown = json.loads(cli("rogue", "show", case, "--json", "--name", "*.localhost").out)
    assert shown["name"] == "www.localhost"
    assert shown["control_accepted"]


def test_all_are_minted_in_one_go_under_one_root(cli: Command, tmp_path: Path) -> None:
    assert cli("rogue", "mint", "--all", "--out", tmp_path).code == 0
    written = files(tmp_path)
    for case, declared in CATALOGUE.items():
        assert {f"{case}/server.pem", f"{case}/server.key", f"{case}/root.pem"} <= written
        assert (f"{case}/control/server.pem" in written) is (declared.must is Must.REJECT)
    roots = {(tmp_path / case / "root.pem").read_bytes() for case in CATALOGUE}
    assert len(roots) == 3  # and those of expired-root and nc-on-root
    assert not [name for name in written if name.endswith("root.key")]


def test_what_is_there_is_not_overwritten_and_force_moves_it_aside(cli: Command, tmp_path: Path) -> None:
    mint = ("rogue", "mint", "expired", "--out", tmp_path)
    assert cli(*mint).code == 0
    before = (tmp_path / "expired/server.pem").read_bytes()
    refused = cli(*mint)
    assert refused.code == 1
    assert "--force" in refused.err
    assert (tmp_path / "expired/server.pem").read_bytes() == before
    assert cli(*mint, "--force").code == 0
    moved = list((tmp_path / ".pki").glob("old-*/expired/server.pem"))
    assert [path.read_bytes() for path in moved] == [before]


def test_which_name_to_ask_for_is_said_of_every_case(cli: Command, tmp_path: Path) -> None:
    """Asked for another name, good-wildcard is refused, and wildcard-partial for a reason that is not its fault."""
    mint = ("rogue", "mint", "expired", "good-wildcard", "wildcard-partial", "good-ip", "--name", "shop.example")
    told = cli(*mint, "--out", tmp_path / "text").out
    assert "The client asks for shop.example, except:\n" in told
    assert "  good.lab.shop.example: good-wildcard, wildcard-partial\n  127.0.0.1: good-ip\n" in told
    found = json.loads(cli(*mint, "--out", tmp_path / "json", "--json").out)["names"]
    for case, name in found.items():
        folder = tmp_path / "json" / case
        answer = cli("verify", folder / "server.pem", "--trust", folder / "root.pem", "--name", name)
        assert (answer.code == 0) is (CATALOGUE[case].must is Must.ACCEPT)


def test_what_has_no_fault_has_no_control_and_is_not_said_to(cli: Command, tmp_path: Path) -> None:
    assert "control/" not in cli("rogue", "mint", "good", "--out", tmp_path).out
    assert not (tmp_path / "good/control").exists()


@pytest.mark.parametrize("case", ["good", "expired", "good-ip", "underscore-host", "wildcard-apex"])
def test_the_command_that_is_shown_judges_it_as_shown(
    cli: Command, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = cli("rogue", "show", case).out
    shown = "REFUSED" in next(line for line in told.splitlines() if line.startswith("  pki verify "))
    mint, verify = told.partition("Try it:\n")[2].replace("\\\n", " ").splitlines()
    assert cli(*shlex.split(mint)[1:]).code == 0
    assert cli(*shlex.split(verify)[1:]).code == int(shown)


def test_an_alias_of_badssl_is_understood(cli: Command, tmp_path: Path) -> None:
    assert cli("rogue", "mint", "wrong.host", "--out", tmp_path).code == 0
    assert (tmp_path / "wrong-host/server.pem").exists()


@pytest.mark.parametrize("case", ["expired", "time-fractional", "good-10000-sans", "san-malformed-der", "revoked"])
def test_show_mints_and_judges_on_the_spot(cli: Command, case: str) -> None:
    answer = cli("rogue", "show", case)
    assert answer.code == 0
    told = answer.out.splitlines()
    verdict = next(line for line in told if line.startswith("  pki verify "))
    assert ("REFUSED" in verdict) is (CATALOGUE[case].must is Must.REJECT)
    shown = json.loads(cli("rogue", "show", case, "--json").out)
    assert shown["accepted"] is (CATALOGUE[case].must is Must.ACCEPT)
    assert shown["control_accepted"]


def test_a_case_is_also_known_by_other_names_than_its_own(cli: Command) -> None:
    assert "also called  wrong.host" in cli("rogue", "show", "wrong-host").out
    assert "also called" not in cli("rogue", "show", "rsa512").out


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ((), "no test certificate is named"),
        (("expired", "--all"), "mutually exclusive"),
        (("expird",), "unknown test certificate 'expird'"),
        (("Expird",), "did you mean expired"),
        (("expired", "--name", "a b"), "not a host name"),
        (("expired", "--name", "x@y.test"), "mail address"),
        (("expired", "--name", f"{'a' * 60}.{'b' * 60}"), "the limit for test certificates is 64"),
    ],
)
def test_wrong_usage_is_said(cli: Command, tmp_path: Path, words: tuple[str, ...], fact: str) -> None:
    answer = cli("rogue", "mint", *words, "--out", tmp_path / "r")
    assert answer.code == 2
    assert fact in answer.err
    assert not (tmp_path / "r").exists()


def test_a_folder_that_cannot_be_made_is_said(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = cli("rogue", "mint", "expired", "--out", tmp_path / "file" / "r")
    assert answer.code == 3
    assert answer.err.startswith("error: ")
