"""The recipes for the system at hand. Falsehood caught: a Debian user who gets the commands of macOS."""

import shlex
from pathlib import Path

import pytest

from pki.trust import system
from pki.trust.system import recipes_of_this_system


@pytest.mark.parametrize("program", ["update-ca-certificates", "update-ca-trust", None])
def test_the_recipe_fits_the_system(program: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(system, "SYSTEM_PATH", str(tmp_path))
    if program:
        (tmp_path / program).touch(mode=0o755)
    found = [each.where for each in recipes_of_this_system("/a/root.pem", "root")]
    wanted = {"update-ca-certificates": ["Debian, Ubuntu"], "update-ca-trust": ["Fedora, RHEL"]}
    assert found == [*wanted.get(str(program), ["Debian, Ubuntu", "Fedora, RHEL"]), "Java"]


def test_macos_has_its_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    keychain, java = recipes_of_this_system("/a/root.pem", "root")
    assert keychain.add[0].startswith("security add-trusted-cert")
    assert java.where == "Java"


def test_a_path_with_spaces_and_quotes_is_one_argument() -> None:
    path = "/a b/it's $HOME.pem"
    for each in recipes_of_this_system(path, "root"):
        assert path in shlex.split(each.add[0])
