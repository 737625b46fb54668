"""The instructions for trust stores. Caught: a stale table in the guide, a recipe without its undoing, and a name in a
certificate that becomes a command, because a shell evaluates what `pki env` prints.

`python -m tests.pki.trust.test_recipes` writes the table anew.
"""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki.keys import KeyType, generate
from pki.trust import recipes
from tests import guides
from tests.conftest import ROOT, run
from tests.pki.conftest import Command

PAGE = "pki/README.md"
GENERATED = re.compile(r"(?<=<!-- generated: trust stores -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table() -> str:
    return "".join(f"{line}\n" for line in recipes.markdown("root.pem", "tlsdemo development CA root"))


def test_the_table_in_the_guide_is_that_of_the_code() -> None:
    assert GENERATED.findall(guides.text(PAGE)) == [table()]


@pytest.mark.parametrize("recipe", recipes.RECIPES, ids=lambda each: each.where)
def test_each_recipe_adds_the_file_and_says_how_to_remove_it(recipe: recipes.Recipe) -> None:
    given = recipe.given("/a b/root.pem", "It's a root")
    assert given.add and given.remove
    if given.are_commands:
        words = [shlex.split(step) for step in (*given.add, *given.remove)]
        assert any("/a b/root.pem" in each for each in words)
        assert not any("{" in word for each in words for word in each)


def test_env_ends_with_the_instructions_for_its_file(certs: Path, cli: Command, tmp_path: Path) -> None:
    out = cli("env", "--ca", certs / "root.pem", "--dir", tmp_path).out
    instructions = out.rpartition("unset ")[2]
    for word in ("Debian", "Fedora", "macOS", "Chromium", "Firefox", "Java", "remove", str(certs / "root.pem")):
        assert word in instructions
    assert "'tlsdemo development CA root'" in instructions


@pytest.mark.parametrize("name", ["x\ntouch pwned", "x\r\ntouch pwned", "'; touch pwned; '", "$(touch pwned)"])
@pytest.mark.parametrize("shell", ["sh", "fish"])
def test_the_name_of_a_ca_is_never_a_command(cli: Command, tmp_path: Path, name: str, shell: str) -> None:
    key, now = generate(KeyType.EC_P256), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    root = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    (tmp_path / "root.pem").write_bytes(root.sign(key, SHA256()).public_bytes(Encoding.PEM))
    out = cli("env", "--dir", tmp_path, "--shell", shell).out
    assert all(line.startswith(("# ", "export ", "unset ", "set -")) for line in out.splitlines())
    if which(shell):
        assert run(shell, "-c", out, cwd=tmp_path).returncode == 0
        assert not (tmp_path / "pwned").exists()


if __name__ == "__main__":
    (ROOT / PAGE).write_text(GENERATED.sub(lambda _: table(), guides.text(PAGE)))
