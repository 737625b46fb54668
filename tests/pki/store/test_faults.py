"""Real processes on real faults: full disks, failing disks, kills, other users. Falsehood caught: "only simulated".

strace injects the faults into an unchanged `pki`; the exhaustive walk over all cut points is in `test_transaction.py`.
"""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pki.errors import ExitCode, Problem
from pki.store.inventory import inventory
from tests.conftest import mint, pki, run, run_as_nobody, tool
from tests.pki.support import TREE, assert_keys_are_private, assert_store_is_healthy, files, issue, snapshot

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def injected(fault: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """`pki` under strace, with a fault such as `rename:signal=KILL:when=3`; renameat and its like are meant as well."""
    call = fault.partition(":")[0]
    command = (tool("strace"), "-f", "-qq", "-o", os.devnull, "-e", f"trace=/^{call}", "-e", f"inject=/^{fault}")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(*command, sys.executable, "-m", "pki", *words, env=environment)
    if "ptrace" in done.stderr.lower() and "not permitted" in done.stderr.lower():
        pytest.skip("ptrace is not allowed here")
    return done


def assert_clean_failure(done: subprocess.CompletedProcess[str], code: ExitCode = ExitCode.CANNOT) -> None:
    """One error with its hint, and the exit code of DESIGN.md section 8."""
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


KILLS = ["mkdir:signal=KILL:when=3", "fsync:signal=KILL:when=1", "fsync:signal=KILL:when=16",
         "rename:signal=KILL:when=1", "rename:signal=KILL:when=2", "rename:signal=KILL:when=13"]  # fmt: skip


@pytest.mark.parametrize("kill", KILLS)
def test_an_init_that_is_killed_heals_with_the_next_command(tmp_path: Path, kill: str) -> None:
    directory = tmp_path / "certs"
    killed = injected(kill, "init", "--dir", directory)
    assert killed.returncode in (-9, 137), "the kill did not happen"
    assert_keys_are_private(directory)
    decided = (directory / ".pki" / "journal.json").exists() or (directory / "root.pem").exists()
    assert pki("init", "--dir", directory).returncode == (ExitCode.NO if decided else ExitCode.YES)
    assert files(directory) == TREE
    assert_store_is_healthy(directory)


@pytest.mark.parametrize(
    "kill", ["rename:signal=KILL:when=1", "rename:signal=KILL:when=3", "unlink:signal=KILL:when=1"]
)
def test_an_issue_that_is_killed_heals_with_the_next_command(tmp_path: Path, kill: str) -> None:
    directory = mint(tmp_path / "certs")
    assert injected(kill, "issue", "a.test", "--dir", directory).returncode in (-9, 137)
    assert pki("issue", "b.test", "--dir", directory).returncode == 0
    assert files(directory) - TREE in (
        {"b.test.pem", "b.test.key"},
        {f"{x}.test.{y}" for x in "ab" for y in ("pem", "key")},
    )
    assert_store_is_healthy(directory)


def test_an_init_interrupted_by_ctrl_c_between_two_renames_heals(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    interrupted = injected("rename:signal=INT:when=5", "init", "--dir", directory)
    assert interrupted.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in interrupted.stderr
    listed = pki("list", "--dir", directory)
    assert listed.returncode == 0
    assert "unfinished" in listed.stderr
    assert pki("issue", "a.test", "--dir", directory).returncode == 0
    assert files(directory) == TREE | {"a.test.pem", "a.test.key"}
    assert_store_is_healthy(directory)


@pytest.mark.parametrize(
    "fault",
    ["write:error=ENOSPC:when=1", "write:error=ENOSPC:when=9", "fsync:error=EIO:when=4", "mkdir:error=ENOSPC:when=2"],
)
def test_a_failing_disk_leaves_nothing_behind_and_says_so(tmp_path: Path, fault: str) -> None:
    directory = tmp_path / "certs"
    done = injected(fault, "init", "--dir", directory)
    assert_clean_failure(done)
    assert "No space left" in done.stderr or "Input/output error" in done.stderr
    assert files(directory) == set()
    assert pki("init", "--dir", directory).returncode == 0


def test_a_failing_disk_leaves_an_old_tree_as_it_was(tmp_path: Path) -> None:
    directory = mint(tmp_path / "certs")
    before = snapshot(directory)
    assert_clean_failure(injected("fsync:error=EIO:when=4", "init", "--force", "--dir", directory))
    assert_clean_failure(injected("write:error=ENOSPC:when=1", "issue", "a.test", "--dir", directory))
    assert snapshot(directory) == before


# Every call ---------------------------------------------------------------------------------------------------------

CALLS = "openat,mkdirat,renameat,unlinkat,fsync,write,flock,newfstatat,getdents64,fstat"
"""What `init` and `issue` ask of the system while they change a store, by Linux's names."""
STRIDE = int(os.environ.get("STRIDE", "29"))  # 1 tries every call; the suite tries some of them, each time the same


def calls_within(directory: Path, *words: str | Path) -> list[tuple[str, int]]:
    """The calls that a command makes within a folder: the name, and how many of that name it has made by then."""
    log = directory.parent / "calls"
    command = (tool("strace"), "-f", "-qq", "-y", "-o", log, "-e", f"trace={CALLS}")
    done = run(*command, sys.executable, "-m", "pki", *words, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    if not log.exists():
        pytest.skip("ptrace is not allowed here")
    assert done.returncode == 0, done.stderr
    count: dict[str, int] = {}
    found = []
    for line in log.read_text(errors="replace").splitlines():
        name = line.split(maxsplit=1)[1].partition("(")[0]
        count[name] = count.get(name, 0) + 1
        if str(directory) in line:
            found.append((name, count[name]))
    return found


def at_call(name: str, number: int, fault: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command with the fault at that call."""
    inject = f"inject={name}:{fault}:when={number}"
    command = (tool("strace"), "-f", "-qq", "-o", os.devnull, "-e", f"trace={CALLS}", "-e", inject)
    return run(*command, sys.executable, "-m", "pki", *words, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO", "signal=INT"])
@pytest.mark.parametrize("operation", ["init", "issue", "issue --force", "revoke", "renew"])
def test_a_fault_at_any_call_leaves_the_old_state_or_the_new_one(tmp_path: Path, operation: str, fault: str) -> None:
    def prepared(place: str) -> tuple[Path, tuple[str | Path, ...]]:
        directory = tmp_path / place / "certs"
        if operation == "init":
            directory.parent.mkdir()
            return directory, ("init", "--dir", directory)
        mint(directory)
        if operation in ("revoke", "renew"):
            return directory, (operation, "server", "--dir", directory)
        if operation == "issue --force":
            issue(directory, "a.test")
        return directory, (*operation.split(), "a.test", "--dir", directory)

    directory, words = prepared("x" * 6)
    calls = calls_within(directory, *words)
    assert {"openat", "mkdirat", "renameat", "unlinkat", "fsync", "write"} <= {name for name, _ in calls}
    for name, number in calls[::STRIDE]:
        directory, words = prepared(f"{name[:3]}{number:03}")  # as long as the first, so that the calls are the same
        before = snapshot(directory) if directory.exists() else {}
        done = at_call(name, number, fault, *words)
        where = f"{operation}: {fault} at {name} {number}: {done.returncode} {done.stderr}"
        assert "Traceback" not in done.stderr, where
        assert_keys_are_private(directory)
        after = snapshot(directory) if directory.exists() else {}
        if fault.startswith("error") and done.returncode:
            assert done.returncode == ExitCode.CANNOT, where
            assert "hint: " in done.stderr, where
            assert after == before or "nothing was changed" not in done.stderr, where
        if directory.exists():
            inventory(directory, datetime.now(UTC))
        with contextlib.suppress(Problem):  # where it is made already
            mint(directory)
        issue(directory, "b.test")
        assert_store_is_healthy(directory)
        made = files(directory) - TREE - {"b.test.pem", "b.test.key"}
        if operation in REPLACED:
            now = snapshot(directory)
            changed = {name for name in before if now[name] != before[name]}
            assert (made, changed) in ((set(), set()), (set(), {REPLACED[operation]})), where
            assert changed or done.returncode, where
        else:
            assert made in (set(), {"a.test.pem", "a.test.key"}), where
            assert made or done.returncode or operation == "init", where
        assert {path.name for path in (directory / ".pki").iterdir() if path.name[:4] != "old-"} == {"lock"}, where


REPLACED = {"revoke": "crl.pem", "renew": "server.pem"}
"""The file that the command replaces."""


@pytest.mark.parametrize("operation", REPLACED)
def test_the_new_version_is_on_disk_before_it_takes_the_name(tmp_path: Path, operation: str) -> None:
    directory, log = mint(tmp_path / "certs"), tmp_path / "calls"
    command = (tool("strace"), "-f", "-qq", "-y", "-o", log, "-e", "trace=write,fsync,renameat,unlinkat")
    run(*command, sys.executable, "-m", "pki", operation, "server", "--dir", directory)
    if not log.exists():
        pytest.skip("ptrace is not allowed here")
    lines = log.read_text(errors="replace").splitlines()
    file = re.escape(REPLACED[operation])
    order = (
        rf"write\(\d+<[^>]*/staging-[^>]*/{file}>",
        rf"fsync\(\d+<[^>]*/staging-[^>]*/{file}>",
        r"fsync\(\d+<[^>]*/staging-[0-9a-f]+/journal.json>",
        r'renameat\(.*"journal.json", .*"journal.json"',
        r"fsync\(\d+<[^>]*/\.pki>",
        rf'renameat\(.*"{file}", \d+<[^>]*/certs>, "{file}"',
        r"fsync\(\d+<[^>]*/certs>",
        r'unlinkat\(.*"journal.json"',
    )
    places = [next((n for n, line in enumerate(lines) if re.search(each, line)), -1) for each in order]
    assert -1 not in places and places == sorted(places), list(zip(order, places, strict=True))


@contextlib.contextmanager
def small_disk(options: str) -> Iterator[Path]:
    """A file system of its own, or a skip where mounting is not allowed."""
    place = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mounted = run(tool("mount"), "-t", "tmpfs", "-o", options, "tmpfs", place)
    try:
        if mounted.returncode != 0:
            pytest.skip(f"cannot mount: {mounted.stderr.strip()}")
        yield place
    finally:
        if mounted.returncode == 0:
            run(tool("umount"), place)
        place.rmdir()


@as_root
@pytest.mark.parametrize("options", ["size=24k", "size=1m,nr_inodes=9"], ids=["bytes", "inodes"])
def test_a_full_disk_is_a_clean_failure(options: str) -> None:
    with small_disk(options) as disk:
        done = pki("init", "--dir", disk / "certs")
        assert_clean_failure(done)
        assert "No space left on device" in done.stderr
        assert files(disk) == set()


@as_root
def test_an_issue_on_a_disk_that_has_become_full_leaves_the_store_as_it_was() -> None:
    with small_disk("size=256k") as disk:
        directory = mint(disk / "certs")
        before = snapshot(directory)
        with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass
        assert_clean_failure(pki("issue", "a.test", "--dir", directory))
        assert snapshot(directory) == before
        (disk / "ballast").unlink()
        assert pki("issue", "a.test", "--dir", directory).returncode == 0


# Another user -------------------------------------------------------------------------------------------------------


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A PKI of root in a folder that other users may read but not write."""
    folder = Path(tempfile.mkdtemp(prefix="foreign-"))
    folder.chmod(0o755)
    (folder / "certs").mkdir(mode=0o755)
    yield mint(folder / "certs")
    shutil.rmtree(folder)


def as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`pki` as user 65534."""
    return run_as_nobody("-m", "pki", *words)


@as_root
def test_a_read_only_folder_is_a_clean_failure_for_init(foreign: Path) -> None:
    done = as_nobody("init", "--dir", foreign.parent / "other")
    assert_clean_failure(done)
    assert "Permission denied" in done.stderr
    assert not (foreign.parent / "other").exists()


@as_root
def test_a_read_only_store_is_a_clean_failure_for_issue_and_forced_init(foreign: Path) -> None:
    before = snapshot(foreign)
    assert_clean_failure(as_nobody("issue", "a.test", "--dir", foreign))
    assert_clean_failure(as_nobody("init", "--force", "--dir", foreign))
    assert snapshot(foreign) == before


@as_root
def test_anybody_may_list_and_verify_what_is_public(foreign: Path) -> None:
    assert as_nobody("list", "--dir", foreign).returncode == 0
    verified = as_nobody("verify", foreign / "server.pem", "--dir", foreign, "--name", "localhost")
    assert verified.returncode == 0, verified.stderr


@as_root
def test_a_key_of_another_user_cannot_be_shown(foreign: Path) -> None:
    done = as_nobody("show", foreign / "root.key")
    assert stat.S_IMODE((foreign / "root.key").stat().st_mode) == 0o600
    assert done.returncode == ExitCode.CANNOT, "DESIGN.md section 8: a permission is 3, not wrong usage"
    assert done.stderr.startswith("error: ")


@as_root
def test_a_folder_of_another_user_cannot_be_listed(foreign: Path) -> None:
    foreign.chmod(0o700)
    done = as_nobody("list", "--dir", foreign)
    assert done.returncode == ExitCode.CANNOT, "DESIGN.md section 8: a permission is 3, not wrong usage"
    assert done.stderr.startswith("error: ")


@as_root
@pytest.mark.parametrize(
    "words",
    [
        ("pki", "list", "--dir", "."), ("pki", "verify", "server.pem", "--dir", "."), ("pki", "env", "--dir", "."),
        ("pki", "issue", "a.test", "--dir", "."), ("pki", "show", "root.key"),
        ("pki", "diff", "root.pem", "server.pem"),
        ("pki", "verify", "/dev/null", "--trust", "."),
        ("tlsdemo", "serve", "--certs", "."), ("tlsdemo", "connect", "--trust", "root.pem"),
        ("tlsdemo", "mitm", "--certs", "."), ("tlsdemo", "serve", "--protocol", "mutual", "--certs", "."),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_permission_is_not_answered_by_making_something_new(foreign: Path, words: tuple[str, ...]) -> None:
    """The files are there. What is missing is a permission."""
    foreign.chmod(0o711)  # to be passed through, not to be listed
    for path in foreign.rglob("*.*"):
        path.chmod(0o600)
    placed = [foreign if word == "." else foreign / word if word.endswith((".pem", ".key")) else word for word in words]
    done = run_as_nobody("-m", *placed)
    assert done.returncode == ExitCode.CANNOT, done.stderr
    if "Permission denied" in done.stderr:
        assert "pki init" not in done.stderr
        assert "check the permissions" in done.stderr.partition("hint: ")[2]
    else:
        assert "verify" in words, done.stderr
