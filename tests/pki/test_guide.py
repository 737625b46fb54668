"""The guide to `pki`: its program prints what it shows, and its trust stores can be filled and emptied again."""

import re
import shlex
import sys
from pathlib import Path

from tests import guides
from tests.conftest import run, tool

PAGE = "pki/README.md"


def test_the_program_prints_what_the_guide_shows(tmp_path: Path) -> None:
    (program,) = guides.blocks(PAGE, "python")
    (printed,) = guides.blocks(PAGE, "text")
    done = run(sys.executable, "-W", "error", "-c", program.body, cwd=tmp_path)
    assert done.stdout.splitlines() == printed.body.splitlines()[1:], done.stderr
    assert list(tmp_path.iterdir()) == []


def recipe(start: str) -> list[str]:
    """The arguments of the one command in the guide's table that starts so."""
    (found,) = re.findall(rf"`({start} [^`]*)`", guides.text(PAGE))
    return shlex.split(found)


def test_a_root_is_added_to_the_store_of_chromium_and_removed(certs: Path, tmp_path: Path) -> None:
    certutil = tool("certutil")
    store = tmp_path / ".pki/nssdb"
    store.mkdir(parents=True)

    def call(*words: str) -> str:
        arguments = [word.replace("$HOME", str(tmp_path)) for word in words]
        done = run(certutil, *arguments, cwd=certs)
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("-N", "-d", f"sql:{store}", "--empty-password")
    call(*recipe("certutil -A")[1:])
    assert re.search(r"tlsdemo +C,,", call("-L", "-d", f"sql:{store}"))
    call(*recipe("certutil -D")[1:])
    assert "tlsdemo" not in call("-L", "-d", f"sql:{store}")


def test_a_root_is_added_to_a_store_of_java_and_removed(certs: Path, tmp_path: Path) -> None:
    """The recipes for the JDK's own store, on a copy: `-keystore FILE` takes the place of `-cacerts`."""
    keytool, store = tool("keytool"), str(tmp_path / "trust.p12")

    def call(*words: str) -> str:
        done = run(keytool, *words, cwd=certs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def on_a_copy(words: list[str]) -> list[str]:
        place = words.index("-cacerts")
        return [*words[1:place], "-keystore", store, *words[place + 1 :]]

    call(*on_a_copy(recipe("keytool -importcert -cacerts")))
    assert "trustedCertEntry" in call("-list", "-keystore", store, "-storepass", "changeit", "-alias", "tlsdemo")
    call(*on_a_copy(recipe("keytool -delete -cacerts")))
    assert "trustedCertEntry" not in call("-list", "-keystore", store, "-storepass", "changeit")
    words = recipe("keytool -importcert -keystore")
    call(*(store if word == "trust.p12" else word for word in words[1:]))
    assert "trustedCertEntry" in call("-list", "-keystore", store, "-storepass", "changeit", "-alias", "tlsdemo")
