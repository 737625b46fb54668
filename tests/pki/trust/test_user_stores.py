"""`pki trust` and `pki untrust` with the real certutil, in an empty home. Falsehood caught: a root that stays trusted.

A Firefox profile is a folder with a database that `certutil -N` made. Faults come from a `certutil` that is earlier in
the PATH.
"""

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pki.errors import ExitCode
from tests.conftest import Command, pki, run, run_as_nobody, tool
from tests.pki.support import DAY, NOW, a_root, first, pem, validity


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, with a Chromium in the PATH."""
    tool("certutil")
    place = tmp_path / "home"
    place.mkdir()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "chromium").write_text("#!/bin/sh\n")
    (programs / "chromium").chmod(0o755)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def ca(tmp_path: Path, cli: Command) -> Path:
    """A CA whose names are limited to `test`."""
    directory = tmp_path / "certs"
    assert cli("init", "--dir", directory, "--permit", "test", "shop.test").code == 0
    return directory


def chromium(home: Path) -> Path:
    return home / ".pki/nssdb"


def profile(home: Path, name: str = "ab.default", password: str = "") -> Path:
    """A Firefox profile with a store."""
    folder = home / ".mozilla/firefox" / name
    folder.mkdir(parents=True)
    if password:
        (home / "password").write_text(f"{password}\n")
        certutil("-N", "-d", f"sql:{folder}", "-f", home / "password")
    else:
        certutil("-N", "-d", f"sql:{folder}", "--empty-password")
    return folder


def certutil(*words: str | Path) -> str:
    done = run(tool("certutil"), *words, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(folder: Path) -> dict[str, str]:
    """The nicknames in a store, each with its trust flags, as certutil prints them."""
    lines = certutil("-L", "-d", f"sql:{folder}").splitlines()
    rows = [re.fullmatch(r"(.*\S) +([A-Za-z]*,[A-Za-z]*,[A-Za-z]*) *", line) for line in lines]
    return {row[1]: row[2] for row in rows if row and row[1] != "SSL,S/MIME"}


def fingerprint(path: Path) -> str:
    from cryptography.hazmat.primitives import hashes

    return first(path).fingerprint(hashes.SHA256()).hex()


def nickname(directory: Path) -> str:
    return f"tlsdemo development CA root {fingerprint(directory / 'root.pem')[:16]}"


def faulty(home: Path, body: str) -> None:
    """A `certutil` that runs `body` first, a shell script in which `real` is the program itself."""
    program = home.parent / "bin/certutil"
    program.write_text(f'#!/bin/sh\nreal={tool("certutil")}\n{body}\nexec $real "$@"\n')
    program.chmod(0o755)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Trust and untrust --------------------------------------------------------------------------------------------------


def test_a_root_is_added_to_every_store_and_removed_again(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    done = cli("trust", "--dir", ca)
    assert done.code == 0, done.err
    assert listed(chromium(home)) == listed(firefox) == {nickname(ca): "C,,"}
    assert stat.S_IMODE((home / ".pki").stat().st_mode) == stat.S_IMODE(chromium(home).stat().st_mode) == 0o700
    assert "keytool -importcert" in done.out
    again = cli("trust", "--dir", ca)
    assert again.code == 0
    assert again.out.count("is trusted already") == 2
    assert "certutil -A" not in again.out
    undone = cli("untrust", "--dir", ca)
    assert undone.code == 0, undone.err
    assert listed(firefox) == {}
    assert not (home / ".pki").exists(), "pki created it, so it is removed"
    none = cli("untrust", "--dir", ca)
    assert none.code == ExitCode.NO
    assert "hint: " in none.err
    assert not (ca / ".pki/trust.json").exists()


def test_the_printed_commands_do_the_same_when_copied(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home, "my 'own' $HOME profile")
    before = snapshot(home)
    planned = cli("trust", "--dir", ca, "--dry-run")
    assert planned.code == 0
    assert snapshot(home) == before
    assert not (ca / ".pki/trust.json").exists()
    commands = re.findall(r"(?m)^  ((?:mkdir|certutil) .*)$", planned.out)
    assert run("sh", "-ec", "\n".join(commands), timeout=60).returncode == 0
    assert listed(chromium(home)) == listed(firefox) == {nickname(ca): "C,,"}


def test_a_dry_run_of_untrust_changes_nothing_and_prints_what_works(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    before = snapshot(home)
    planned = cli("untrust", "--dir", ca, "--dry-run")
    assert planned.code == 0
    assert snapshot(home) == before
    assert (ca / ".pki/trust.json").exists()
    commands = re.findall(r"(?m)^  ((?:rm|rmdir|certutil) .*)$", planned.out)
    assert run("sh", "-ec", "\n".join(commands), timeout=60).returncode == 0
    assert listed(firefox) == {}
    assert not (home / ".pki").exists()


def test_json_has_the_stores_with_their_commands(home: Path, ca: Path, cli: Command) -> None:
    content = json.loads(cli("trust", "--dir", ca, "--json").out)
    assert content["schema"] == 2
    assert content["sha256"] == fingerprint(ca / "root.pem")
    (store,) = content["stores"]
    assert (store["folder"], store["outcome"], store["reason"]) == (str(chromium(home)), "added", None)
    assert [command[0] for command in store["commands"]] == ["mkdir", "certutil"]
    (store,) = json.loads(cli("untrust", "--dir", ca, "--json").out)["stores"]
    assert store["outcome"] == "removed"


def test_an_old_root_is_removed_as_well(home: Path, ca: Path, cli: Command) -> None:
    cli("trust", "--dir", ca)
    old = nickname(ca)
    assert cli("init", "--dir", ca, "--force", "--permit", "test", "shop.test").code == 0
    cli("trust", "--dir", ca)
    assert set(listed(chromium(home))) == {old, nickname(ca)}
    assert cli("untrust", "--dir", ca).code == 0
    assert not chromium(home).exists()


def test_other_certificates_stay_also_those_with_the_same_subject(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    (home / "other.pem").write_bytes(pem(a_root("tlsdemo development CA").certificate))
    certutil("-A", "-d", f"sql:{firefox}", "-t", "C,,", "-n", "mine", "-i", home / "other.pem")
    certutil("-A", "-d", f"sql:{firefox}", "-t", "C,,", "-n", "rogue", "-i", ca / "rogue/ca.pem")
    cli("trust", "--dir", ca)
    certutil("-A", "-d", f"sql:{chromium(home)}", "-t", ",,", "-n", "mine", "-i", home / "other.pem")
    cli("untrust", "--dir", ca)
    assert listed(firefox) == {"mine": "C,,", "rogue": "C,,"}
    assert listed(chromium(home)) == {"mine": ",,"}, "the store is not empty, so it stays"


@pytest.mark.parametrize(
    ("before", "meanwhile"), [("p,,", "C,,"), (",,", "C,,"), ("T,C,", "CT,C,"), ("P,,p", "C,,p"), ("c,,", "C,,")]
)
def test_former_trust_of_the_same_certificate_is_restored(
    home: Path, ca: Path, cli: Command, before: str, meanwhile: str
) -> None:
    firefox = profile(home)
    certutil("-A", "-d", f"sql:{firefox}", "-t", before, "-n", "by hand", "-i", ca / "root.pem")
    assert cli("trust", "--dir", ca).code == 0
    assert listed(firefox) == {"by hand": meanwhile}
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(firefox) == {"by hand": before}


def test_a_certificate_that_the_user_trusts_already_stays(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    certutil("-A", "-d", f"sql:{firefox}", "-t", "CT,,", "-n", "by hand", "-i", ca / "root.pem")
    cli("trust", "--dir", ca)
    cli("untrust", "--dir", ca)
    assert listed(firefox) == {"by hand": "CT,,"}


def test_a_certificate_that_the_user_added_again_stays(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    certutil("-D", "-d", f"sql:{firefox}", "-n", nickname(ca))
    certutil("-A", "-d", f"sql:{firefox}", "-t", "C,,", "-n", "by hand", "-i", ca / "root.pem")
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(firefox) == {"by hand": "C,,"}


def test_one_nickname_for_two_certificates_is_not_touched(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    with sqlite3.connect(firefox / "cert9.db") as database:
        certutil("-A", "-d", f"sql:{firefox}", "-t", "C,,", "-n", "mine", "-i", ca / "rogue/ca.pem")
        database.execute("UPDATE nssPublic SET a3 = ? WHERE a3 = ?", (nickname(ca).encode(), b"mine"))
    database.close()
    done = cli("untrust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "several certificates have the nickname" in done.err
    assert certutil("-L", "-d", f"sql:{firefox}").count("C,,") == 2


def test_stores_that_are_gone_or_were_emptied_are_said(home: Path, ca: Path, cli: Command) -> None:
    firefox, second = profile(home), profile(home, "cd.work")
    cli("trust", "--dir", ca)
    shutil.rmtree(firefox)
    certutil("-D", "-d", f"sql:{second}", "-n", nickname(ca))
    done = cli("untrust", "--dir", ca)
    assert done.code == 0, done.err
    assert "the store is gone" in done.out
    assert "not there any more" in done.out
    assert cli("untrust", "--dir", ca).code == ExitCode.NO


def test_a_store_of_chromium_146_is_used_and_none_is_created_beside_it(home: Path, ca: Path, cli: Command) -> None:
    folder = home / ".local/share/pki/nssdb"
    folder.mkdir(parents=True)
    certutil("-N", "-d", f"sql:{folder}", "--empty-password")
    cli("trust", "--dir", ca)
    assert listed(folder) == {nickname(ca): "C,,"}
    assert not (home / ".pki").exists()
    cli("untrust", "--dir", ca)
    assert listed(folder) == {}, "the store was there before"


# Which roots --------------------------------------------------------------------------------------------------------


def test_a_root_without_name_constraints_is_refused(home: Path, certs: Path, cli: Command, tmp_path: Path) -> None:
    shutil.copytree(certs, tmp_path / "open")
    refused = cli("trust", "--dir", tmp_path / "open")
    assert refused.code == ExitCode.NO
    assert "a root without name constraints in your browser can impersonate every site" in refused.err
    assert "--unconstrained" in refused.err
    assert not (home / ".pki").exists()
    assert cli("trust", "--dir", tmp_path / "open", "--unconstrained").code == 0
    assert list(listed(chromium(home)).values()) == ["C,,"]


@pytest.mark.parametrize("file", ["server.pem", "client.pem"])
def test_only_a_ca_certificate_is_added(home: Path, ca: Path, cli: Command, file: str) -> None:
    (ca / "one.pem").write_bytes(pem(first(ca / file)))
    refused = cli("trust", "--dir", ca, "--ca", ca / "one.pem", "--unconstrained")
    assert refused.code == ExitCode.NO
    assert "is not a CA certificate" in refused.err


def test_a_file_with_several_certificates_or_none_is_refused(home: Path, ca: Path, cli: Command) -> None:
    assert "contains 2 certificates" in cli("trust", "--dir", ca, "--ca", ca / "server.pem").err
    assert cli("trust", "--dir", ca, "--ca", ca / "root.key").code == ExitCode.CANNOT
    assert cli("trust", "--dir", ca, "--ca", ca / "missing.pem").code == ExitCode.CANNOT
    assert cli("trust", "--dir", ca, "--ca", home).code == ExitCode.CANNOT
    assert cli("trust", "--dir", ca, "--ca", "-").code == ExitCode.CANNOT


@pytest.mark.parametrize("form", ["-outform DER", "-text", "-trustout"])
def test_formats_that_certutil_reads_are_added_and_others_refused(
    home: Path, ca: Path, cli: Command, form: str
) -> None:
    file = ca / "-odd name"
    assert run(tool("openssl"), "x509", "-in", ca / "root.pem", *form.split(), "-out", file).returncode == 0
    done = cli("trust", "--dir", ca, f"--ca={file}")
    if form == "-trustout":
        assert done.code == ExitCode.CANNOT
        assert "convert it" in done.err
    else:
        assert done.code == 0, done.err
        assert list(listed(chromium(home)).values()) == ["C,,"]


@pytest.mark.parametrize("name", ["a:b", "-n x", "Ä\u202e", "x" * 50, "a@b.test", "''$(id)"])
def test_a_strange_ca_name_gives_a_plain_nickname(home: Path, tmp_path: Path, cli: Command, name: str) -> None:
    directory = tmp_path / "odd"
    made = cli("init", "--dir", directory, f"--name={name}", "--permit", "test", "shop.test")
    if made.code == ExitCode.USAGE:
        pytest.skip("not a valid CA name")
    assert cli("trust", "--dir", directory).code == 0
    ((found, flags),) = listed(chromium(home)).items()
    assert flags == "C,,"
    assert re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9 ._()-]* {fingerprint(directory / 'root.pem')[:16]}", found)
    assert cli("untrust", "--dir", directory).code == 0
    assert not chromium(home).exists()


# Faults -------------------------------------------------------------------------------------------------------------


def test_a_missing_certutil_is_said_with_its_packages(
    home: Path, ca: Path, cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    for package in ("libnss3-tools", "nss-tools", "Homebrew"):
        assert package in done.err


def test_without_a_browser_the_places_are_named(
    home: Path, ca: Path, cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin/chromium").unlink()
    (tmp_path / "bin/certutil").symlink_to(tool("certutil"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    for place in (".pki/nssdb", ".local/share/pki/nssdb", ".mozilla/firefox"):
        assert str(home / place) in done.err
    assert "keytool" in done.out
    assert not (home / ".pki").exists()


def test_a_store_with_a_password_is_left_as_it_was_and_the_others_are_done(home: Path, ca: Path, cli: Command) -> None:
    locked, after = profile(home, "aa.locked", password="secret12"), profile(home, "zz.open")
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "1 of 3 stores could not be changed" in done.err
    assert f"{locked}: the store has a password" in done.err
    assert listed(locked) == {}, "certutil leaves the certificate there when it cannot set its trust"
    assert listed(after) == listed(chromium(home)) == {nickname(ca): "C,,"}
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(after) == {}


def test_certutil_never_asks_on_the_terminal(home: Path, ca: Path) -> None:
    profile(home, password="secret12")
    script = (
        "import os, pty, sys\n"
        "sys.exit(os.waitstatus_to_exitcode(pty.spawn([sys.executable, '-m', 'pki', 'trust', '--dir', sys.argv[1]])))"
    )
    done = run(sys.executable, "-c", script, ca, timeout=60)
    assert done.returncode == ExitCode.CANNOT
    assert "Enter Password" not in done.stdout


def test_a_failure_at_the_second_store_is_said_and_the_rest_recorded(home: Path, ca: Path, cli: Command) -> None:
    first_, second = profile(home, "aa.one"), profile(home, "bb.two")
    faulty(home, 'case "$*" in *-A*bb.two*) echo "certutil: the disk is full" >&2; exit 255;; esac')
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert f"{second}: certutil: the disk is full" in done.err
    assert listed(first_) == {nickname(ca): "C,,"}
    recorded = json.loads((ca / ".pki/trust.json").read_text())
    assert {store["folder"] for store in recorded["stores"]} == {str(chromium(home)), str(first_)}
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(first_) == {}


def test_a_store_that_cannot_be_created_leaves_no_folder(home: Path, ca: Path, cli: Command) -> None:
    faulty(home, 'case "$*" in *-A*) exit 255;; esac')
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "exit code 255" in done.err
    assert not (home / ".pki").exists()
    assert not (ca / ".pki/trust.json").exists()


def test_a_second_trust_that_fails_removes_nothing_of_the_first(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    faulty(home, 'case "$*" in *-L*) echo "certutil: busy" >&2; exit 255;; esac')
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "2 of 2 stores" in done.err
    (home.parent / "bin/certutil").unlink()
    assert listed(firefox) == listed(chromium(home)) == {nickname(ca): "C,,"}
    certutil("-M", "-d", f"sql:{firefox}", "-t", ",,", "-n", nickname(ca))
    faulty(home, 'case "$*" in *-M*) echo "certutil: busy" >&2; exit 255;; esac')
    assert cli("trust", "--dir", ca).code == ExitCode.CANNOT
    (home.parent / "bin/certutil").unlink()
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(firefox) == {}
    assert not (home / ".pki").exists()


def test_a_change_of_trust_that_fails_leaves_the_former_trust(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    certutil("-A", "-d", f"sql:{firefox}", "-t", "p,,", "-n", "by hand", "-i", ca / "root.pem")
    faulty(home, 'case "$*" in *-M*) echo "certutil: busy" >&2; exit 255;; esac')
    assert cli("trust", "--dir", ca).code == ExitCode.CANNOT
    assert listed(firefox) == {"by hand": "p,,"}
    assert str(firefox) not in (ca / ".pki/trust.json").read_text()


def test_a_full_output_does_not_stop_the_work(home: Path, ca: Path) -> None:
    profile(home)
    done = run("sh", "-c", f"{sys.executable} -m pki trust --dir {ca} >/dev/full", timeout=60)
    assert done.returncode == ExitCode.CANNOT
    assert "Traceback" not in done.stderr
    assert listed(chromium(home)) == listed(home / ".mozilla/firefox/ab.default") == {nickname(ca): "C,,"}


def test_an_expired_root_is_noted(home: Path, tmp_path: Path, cli: Command) -> None:
    (tmp_path / "old.pem").write_bytes(pem(a_root(dates=validity(NOW - 30 * DAY, 9)).certificate))
    done = cli("trust", "--dir", tmp_path / "certs", "--ca", tmp_path / "old.pem", "--unconstrained")
    assert "expired on" in done.err


def test_a_certutil_that_lies_is_found_out(home: Path, ca: Path, cli: Command) -> None:
    profile(home)
    faulty(home, 'case "$*" in *-A*) exit 0;; esac')
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "reported success" in done.err


def test_a_removal_that_fails_stays_in_the_record(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    faulty(home, 'case "$*" in *-D*ab.default*) echo "certutil: busy" >&2; exit 255;; esac')
    done = cli("untrust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "busy" in done.err
    assert not chromium(home).exists()
    (home.parent / "bin/certutil").unlink()
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(firefox) == {}


@pytest.mark.parametrize(("name", "code"), [("INT", 130), ("KILL", -9)])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_trust_that_is_interrupted_can_be_undone(home: Path, ca: Path, name: str, code: int, when: str) -> None:
    firefox = profile(home)
    kill = f"kill -{name} $PPID"
    body = f"{kill}; exit 1" if when == "before" else f'$real "$@"; {kill}; exit 0'
    faulty(home, f'case "$*" in *-A*ab.default*) {body};; esac')
    done = pki("trust", "--dir", ca)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if name == "INT":
        assert "`pki untrust` removes it" in done.stderr
    (home.parent / "bin/certutil").unlink()
    assert pki("untrust", "--dir", ca).returncode == 0
    assert listed(firefox) == {}
    assert not chromium(home).exists()


def test_a_trust_that_was_killed_between_certificate_and_flags_is_completed(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    cli("trust", "--dir", ca)
    certutil("-M", "-d", f"sql:{firefox}", "-t", ",,", "-n", nickname(ca))  # what such a kill leaves
    assert cli("trust", "--dir", ca).code == 0
    assert listed(firefox) == {nickname(ca): "C,,"}
    cli("untrust", "--dir", ca)
    assert listed(firefox) == {}


def test_two_at_once_for_two_cas_and_for_one(home: Path, ca: Path, cli: Command, tmp_path: Path) -> None:
    other = tmp_path / "other"
    cli("init", "--dir", other, "--permit", "test", "shop.test")
    command = [sys.executable, "-m", "pki"]
    running = [
        subprocess.Popen([*command, "trust", "--dir", each], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for each in (ca, ca, other, other)
    ]
    for child in running:
        _, complaint = child.communicate(timeout=60)
        assert child.returncode == 0, complaint
    assert listed(chromium(home)) == {nickname(ca): "C,,", nickname(other): "C,,"}
    assert cli("untrust", "--dir", ca).code == 0
    assert listed(chromium(home)) == {nickname(other): "C,,"}


def test_a_store_in_use_is_changed_all_the_same(home: Path, ca: Path, cli: Command) -> None:
    """A browser that runs holds the database open, and reads it."""
    firefox = profile(home)
    database = sqlite3.connect(firefox / "cert9.db")
    rows = database.execute("SELECT * FROM nssPublic")
    assert cli("trust", "--dir", ca).code == 0
    rows.close()
    database.close()
    assert listed(firefox) == {nickname(ca): "C,,"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_read_only_store_is_said(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:  # another user cannot reach tmp_path
        place, ca = Path(name), Path(name) / "certs"
        monkeypatch.setenv("HOME", name)
        firefox = profile(place)
        assert cli("init", "--dir", ca, "--permit", "test", "shop.test").code == 0
        for path in [place, *place.rglob("*")]:
            os.chown(path, 65534, 65534)
        for path in [*firefox.iterdir(), firefox]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = run_as_nobody("-m", "pki", "trust", "--dir", ca)
        assert done.returncode == ExitCode.CANNOT, done.stderr
        assert f"{firefox}: the store is read-only" in done.stderr
        assert "Traceback" not in done.stderr
        assert listed(firefox) == {}
        assert str(firefox) not in (ca / ".pki/trust.json").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_home_of_another_user_is_refused(home: Path, ca: Path, cli: Command) -> None:
    os.chown(home, 65534, 65534)
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "without sudo" in done.err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\xff", b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_store_is_said(home: Path, ca: Path, cli: Command, content: bytes) -> None:
    firefox = home / ".mozilla/firefox/ab.default"
    firefox.mkdir(parents=True)
    (firefox / "cert9.db").write_bytes(content)
    done = cli("trust", "--dir", ca)
    assert "Traceback" not in done.err
    if content:
        assert done.code == ExitCode.CANNOT
        assert "cert9.db cannot be read" in done.err
        assert (firefox / "cert9.db").read_bytes() == content
    assert cli("untrust", "--dir", ca).code == 0


# The record ---------------------------------------------------------------------------------------------------------


def record(ca: Path, store: Path, sha256: str, before: str | None = None, created: list[str] | None = None) -> None:
    certificate = {"sha256": sha256, "nickname": "x\x1b[2J", "before": before}
    entry = {"folder": str(store), "created": created, "certificates": [certificate]}
    (ca / ".pki/trust.json").write_text(json.dumps({"schema": 1, "stores": [entry]}))


def test_a_foreign_record_removes_nothing_that_pki_did_not_add(home: Path, ca: Path, cli: Command) -> None:
    firefox = profile(home)
    (home / "other.pem").write_bytes(pem(a_root().certificate))
    certutil("-A", "-d", f"sql:{firefox}", "-t", "C,,", "-n", "company", "-i", home / "other.pem")
    record(ca, firefox, fingerprint(home / "other.pem"))
    assert "\x1b" not in cli("untrust", "--dir", ca).out
    assert listed(firefox) == {"company": "C,,"}


@pytest.mark.parametrize("before", ["CT,C,C", "T,,", "P,,"])
def test_a_foreign_record_does_not_raise_the_trust(home: Path, ca: Path, cli: Command, before: str) -> None:
    firefox = profile(home)
    (home / "other.pem").write_bytes(pem(a_root().certificate))
    certutil("-A", "-d", f"sql:{firefox}", "-t", "p,,", "-n", "company", "-i", home / "other.pem")
    record(ca, firefox, fingerprint(home / "other.pem"), before)
    cli("untrust", "--dir", ca)
    assert listed(firefox) == {"company": "p,,"}


def test_a_foreign_record_does_not_open_a_foreign_store(home: Path, ca: Path, cli: Command) -> None:
    """A store names libraries that certutil loads, in pkcs11.txt."""
    folder = ca / "nssdb"
    folder.mkdir()
    certutil("-N", "-d", f"sql:{folder}", "--empty-password")
    record(ca, folder, fingerprint(ca / "root.pem"), None, [str(folder)])
    faulty(home, f'case "$*" in *{folder}*) touch {home}/opened;; esac')
    done = cli("untrust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "is not a store of this user's browsers" in done.err
    assert not (home / "opened").exists()
    assert (folder / "cert9.db").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 2, "stores": []}', '{"schema": 1, "stores": [{}]}', '{"schema": 1, "stores": 5}',
     '{"schema": 1, "stores": [{"folder": "a", "created": null, "certificates": []}]}',
     '{"schema": 1, "stores": [{"folder": "/a", "created": ["/b"], "certificates": []}]}',
     '{"schema": 1, "stores": [{"folder": "/a/../b", "created": null, "certificates": []}]}',
     '{"schema": 1, "stores": [{"folder": 5, "created": null, "certificates": []}]}',
     '{"schema": 1, "stores": [{"folder": "/a", "created": null, "certificates": [{"sha256": 5}]}]}',
     "[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("command", ["trust", "untrust"])
def test_a_damaged_record_is_an_error(home: Path, ca: Path, cli: Command, text: str, command: str) -> None:
    (ca / ".pki/trust.json").write_text(text)
    done = cli(command, "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "trust.json is damaged" in done.err
    assert not (home / ".pki").exists()


def test_a_record_is_not_written_through_a_link(home: Path, ca: Path, cli: Command, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("{}")
    (ca / ".pki/trust.json").symlink_to(tmp_path / "target")
    done = cli("trust", "--dir", ca)
    assert done.code == ExitCode.CANNOT
    assert "is a link" in done.err
    assert (tmp_path / "target").read_text() == "{}"
    assert not (home / ".pki").exists()


def test_only_the_user_can_read_the_record(home: Path, ca: Path, cli: Command) -> None:
    cli("trust", "--dir", ca)
    assert stat.S_IMODE((ca / ".pki/trust.json").stat().st_mode) == 0o600
