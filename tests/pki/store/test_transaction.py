"""All or nothing, at every point where a machine can stop. Falsehood caught: "that is very unlikely".

Each filesystem call of every command that changes a folder is interrupted in turn, in this process: by death (no code
runs any more, not even `finally`), by a disk error, by Ctrl-C. `test_faults.py` does some of it to real processes.
"""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki import names
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.profiles import SERVER
from pki.store import ca, crls, transaction
from pki.store import issue as issuing
from pki.store.ca import Existing
from pki.store.inventory import inventory
from pki.store.issue import Order, validity
from pki.store.transaction import SECRET
from tests.conftest import mint
from tests.pki.conftest import Command
from tests.pki.support import NOW, TREE, assert_keys_are_private, assert_store_is_healthy, files, issue, snapshot

CALLS = ("open", "mkdir", "rename", "fsync", "unlink", "rmdir")
"""Every way in which the store changes a directory, and the reads between."""


class Death(BaseException):
    """The process has ended: code that catches this cannot do anything."""


class Machine:
    """Counts the filesystem calls, and fails at the chosen one."""

    def __init__(self, patch: pytest.MonkeyPatch, fails_at: int, failure: Callable[[], BaseException]):
        self.fails_at = fails_at
        self.failure = failure
        self.count = 0
        self.dead = False
        for name in CALLS:
            patch.setattr(os, name, self.wrapped(getattr(os, name)))

    def wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, if it is not the one that fails."""

        def counted(*words: Any, **options: Any) -> Any:
            if self.dead:
                raise Death
            self.count += 1
            if self.count == self.fails_at:
                failure = self.failure()
                self.dead = isinstance(failure, Death)
                raise failure
            result = call(*words, **options)
            if str(words[0]).endswith(".key") and isinstance(result, int):
                assert stat.S_IMODE(os.fstat(result).st_mode) == SECRET, "readable by others from its first moment"
            return result

        return counted


def init_again(directory: Path) -> None:
    """`pki init --force` without the process."""
    ca.init(
        directory, name="new", alternative_names=[names.parse("new.test")], key_type=KeyType.EC_P256,
        days=9, now=NOW, existing=Existing.MOVE_ASIDE,
    )  # fmt: skip


def many(directory: Path) -> None:
    """`pki issue --from-file` with two lines, without the process."""
    orders = [Order([names.parse(name)], SERVER, validity(NOW, 9)) for name in ("b.test", "c.test")]
    issuing.issue(directory, orders, key_type=KeyType.EC_P256, now=NOW, existing=Existing.REFUSE)


CHANGES: dict[str, Callable[[Path], object]] = {
    "init": lambda directory: mint(directory, now=NOW),
    "init --force": init_again,
    "issue": lambda directory: issue(directory, "a.test", now=NOW),
    "issue --force": lambda directory: issue(directory, "a.test", now=NOW, force=True),
    "issue --from-file": many,
    "revoke": lambda directory: crls.revoke(
        directory, "server", reason=x509.ReasonFlags.key_compromise, days=9, now=NOW
    ),
    "crl": lambda directory: crls.renew_lists(directory, days=9, now=NOW),
    "renew": lambda directory: issuing.renew(directory, "server", days=9, now=NOW),
    "rekey": lambda directory: issuing.rekey(
        directory, "server", days=9, now=NOW, key_type=None, passphrase=lambda: b"not asked"
    ),
}
TOUCHES = {
    "init": TREE,
    "init --force": TREE,
    "issue": {"a.test.pem", "a.test.key"},
    "issue --force": {"a.test.pem", "a.test.key"},
    "issue --from-file": {"b.test.pem", "b.test.key", "c.test.pem", "c.test.key"},
    "revoke": {"crl.pem"},
    "crl": {"crl.pem"},
    "renew": {"server.pem"},
    "rekey": {"server.pem", "server.key"},
}
"""The files that a change makes or replaces."""


def prepared(directory: Path, operation: str) -> Callable[[], object]:
    """The state before, and the change to be cut."""
    if operation != "init":
        mint(directory, now=NOW)
    if operation == "issue --force":
        issue(directory, "a.test", now=NOW)
    return lambda: CHANGES[operation](directory)


OPERATIONS = tuple(CHANGES)
FAILURES: dict[str, Callable[[], BaseException]] = {
    "killed": Death,
    "disk-error": lambda: OSError(errno.EIO, os.strerror(errno.EIO)),
    "disk-full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "ctrl-c": KeyboardInterrupt,
}


def attempt(change: Callable[[], object], fails_at: int, failure: str) -> tuple[int, bool]:
    """Make the change on a machine that fails at the given call: how many calls there were, and whether it was done."""
    with pytest.MonkeyPatch.context() as patch:
        machine = Machine(patch, fails_at, FAILURES[failure])
        try:
            change()
        except (Death, KeyboardInterrupt):
            return machine.count, False
        except Problem as problem:
            assert problem.code is ExitCode.CANNOT
            assert problem.hint
            told.append(problem)
            return machine.count, False
    return machine.count, True


told: list[Problem] = []
"""What was said of the failures."""


def length(folder: Path, operation: str) -> int:
    """How many filesystem calls the change makes when nothing fails."""
    calls, done = attempt(prepared(folder / "count", operation), 0, "killed")
    assert done
    return calls


def assert_cut_change_heals(directory: Path, operation: str, fails_at: int, failure: str) -> None:
    """After the cut: old or new, healthy, and the next command goes on without hand work."""
    change = prepared(directory, operation)
    before = snapshot(directory) if directory.exists() else {}
    _, done = attempt(change, fails_at, failure)
    where = f"{operation} {failure} at call {fails_at}"
    assert_keys_are_private(directory)
    kept = {path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    superseded = {"crl.pem"} if operation in ("revoke", "crl") else set()
    wanted = {data for name, (_, data) in before.items() if name not in superseded}
    assert wanted <= kept, f"{where}: something is lost"
    assert not superseded or (directory / "crl.pem").exists(), f"{where}: without a CRL for a moment"

    if directory.exists():
        inventory(directory, NOW)  # a reader copes with what is there, and changes nothing
        assert {path.read_bytes() for path in directory.rglob("*") if path.is_file()} == kept
        transaction.recover(directory)
        seen = inventory(directory, NOW)
        assert not seen.unreadable, where
        assert_store_is_healthy(directory)
    after = snapshot(directory) if directory.exists() else {}
    if after == before:
        assert not done, f"{where}: it said that it was done"
    else:
        assert after.keys() == TREE | TOUCHES[operation], where
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == TOUCHES[operation], f"{where}: a mixture"
    if operation == "init" and not after:
        mint(directory, now=NOW)
    issue(directory, "a.test", now=NOW, force="a.test.pem" in after)
    assert_store_is_healthy(directory)
    left = {path.name for path in (directory / ".pki").iterdir() if not path.name.startswith("old-")}
    assert left == {"lock"}, f"{where}: left behind"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_change_that_is_cut_at_any_call_is_done_or_undone(tmp_path: Path, operation: str, failure: str) -> None:
    calls = length(tmp_path, operation)
    assert calls > 10
    for fails_at in range(1, calls + 1):
        assert_cut_change_heals(tmp_path / f"cut-{fails_at}" / "certs", operation, fails_at, failure)


CUTS = st.tuples(st.sampled_from(OPERATIONS[1:]), st.sampled_from(list(FAILURES)), st.integers(1, 80))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(OPERATIONS[1:]), st.sampled_from(list(FAILURES)), st.integers(1, 80)), max_size=4
    )
)
def test_one_cut_change_after_another_leaves_a_healthy_store(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[str, str, int]]
) -> None:
    directory = mint(tmp_path_factory.mktemp("cuts") / "certs", now=NOW)
    for operation, failure, fails_at in cuts:
        with pytest.MonkeyPatch.context() as patch:
            Machine(patch, fails_at, FAILURES[failure])
            with contextlib.suppress(Death, KeyboardInterrupt, Problem):
                CHANGES[operation](directory)
        assert_keys_are_private(directory)
    transaction.recover(directory)
    assert not inventory(directory, NOW).unreadable
    assert_store_is_healthy(directory)
    assert files(directory) >= TREE


def test_an_unreadable_file_is_not_called_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mint(tmp_path, now=NOW)
    issue(tmp_path, "a.test", now=NOW)
    real_open = os.open

    def failing(path: Path, *words: Any, **options: Any) -> int:
        if str(path).endswith("a.test.pem"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real_open(path, *words, **options)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(Problem) as caught:
        issue(tmp_path, "a.test", now=NOW, force=True)
    assert caught.value.code is ExitCode.CANNOT


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("failure", ["disk-error", "disk-full"])
def test_what_is_said_of_a_failure_is_true(tmp_path: Path, operation: str, failure: str) -> None:
    said = set()
    for fails_at in range(1, length(tmp_path, operation) + 1):
        directory = tmp_path / f"fails-{fails_at}" / "certs"
        change = prepared(directory, operation)
        before = snapshot(directory) if directory.exists() else {}
        told.clear()
        _, done = attempt(change, fails_at, failure)
        after = snapshot(directory) if directory.exists() else {}
        if done:
            continue
        words = str(told[0])
        whole = not (directory / ".pki" / "journal.json").exists()
        made = {name for name in after if after[name] != before.get(name)}
        assert "pki init --dir" not in words, "it is there: it only cannot be read"
        if "nothing was changed" in words:
            assert after == before and whole, f"call {fails_at}: {words}"
        elif "is complete" in words:
            assert whole and made and all(name in words for name in made if "issue" in operation), words
        else:
            assert "completes the change" in words and not whole, words
            listed = next(each for each in told[0].evidence if each.startswith("in place: "))
            named = set(listed.removeprefix("in place: ").partition(" …")[0].split(", ")) - {"no files"}
            assert named <= made, words
            assert bool(named) == bool(made), words
        said.add(told[0].hint)
    assert len(said) >= 3, "before the decision, after it, and after the last move"


# The journal --------------------------------------------------------------------------------------------------------


def half_done(directory: Path) -> Path:
    """A store whose `issue` was cut right after the journal was written; the path of the journal."""
    mint(directory, now=NOW)
    for fails_at in range(1, 200):
        attempt(lambda: issue(directory, "a.test", now=NOW), fails_at, "killed")
        if (directory / ".pki" / "journal.json").exists():
            return directory / ".pki" / "journal.json"
    raise AssertionError("no cut left a journal")


@pytest.mark.parametrize("command", [("issue", "b.test"), ("init",), ("init", "--force")], ids=" ".join)
def test_a_half_done_change_is_finished_by_the_next_command_that_writes(
    tmp_path: Path, cli: Command, command: tuple[str, ...]
) -> None:
    half_done(tmp_path)
    assert "a.test.pem" not in files(tmp_path)
    cli(*command, "--dir", tmp_path)
    made = {path.name for path in tmp_path.rglob("a.test.*")}  # init --force has moved them aside by now
    assert made == {"a.test.pem", "a.test.key"}
    assert_store_is_healthy(tmp_path)


def test_a_change_without_a_journal_is_dropped_by_the_next_change(tmp_path: Path) -> None:
    half_done(tmp_path).unlink()
    assert list((tmp_path / ".pki").glob("staging-*"))
    with transaction.transaction(tmp_path):
        pass
    assert "a.test.pem" not in files(tmp_path)
    assert len(list((tmp_path / ".pki").glob("staging-*"))) == 0


DAMAGED = {
    "empty": b"",
    "cut": b'{"schema": 1, "aside": [], "pla',
    "no JSON": b"\xff\xfe\x00",
    "no object": b"[]",
    "a number": b"7",
    "nothing in it": b"{}",
    "no pairs": b'{"schema": 1, "aside": [], "place": [["a"]]}',
    "no list": b'{"schema": 1, "aside": 1, "place": 2}',
    "null": b'{"schema": 1, "aside": null, "place": null}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("command", [("issue", "b.test"), ("init", "--force")], ids=lambda words: words[0])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_journal_is_an_error_with_a_hint_and_changes_nothing(
    certs: Path, tmp_path: Path, cli: Command, damage: str, command: tuple[str, ...]
) -> None:
    (tmp_path / ".pki").mkdir()
    for name in ("root.pem", "intermediate.pem", "intermediate.key"):
        (tmp_path / name).write_bytes((certs / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    (tmp_path / ".pki" / "journal.json").write_bytes(DAMAGED[damage])
    before = snapshot(tmp_path)
    answer = cli(*command, "--dir", tmp_path)
    assert answer.code == ExitCode.CANNOT
    assert answer.err.startswith("error: ")
    assert "hint: " in answer.err
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("evil", ["../x", "/etc/x", "rogue/../../x", "a/../../x"])
@pytest.mark.parametrize("part", ["aside", "place", "replace"])
@pytest.mark.parametrize("side", [0, 1], ids=["source", "target"])
def test_a_journal_that_names_a_file_elsewhere_is_refused(tmp_path: Path, evil: str, part: str, side: int) -> None:
    store_folder = tmp_path / "certs"
    (store_folder / ".pki").mkdir(parents=True, mode=0o700)
    (store_folder / "a.key").write_text("mine")
    (tmp_path / "x").write_text("not yours")
    move = ["a.key", "b.key"]
    move[side] = evil
    content = {"schema": 1, "aside": [], "place": [], "replace": [], part: [move]}
    (store_folder / ".pki" / "journal.json").write_text(json.dumps(content))
    with pytest.raises(Problem, match="outside its folder") as caught:
        transaction.recover(store_folder)
    assert caught.value.hint
    assert (tmp_path / "x").read_text() == "not yours"
    assert (store_folder / "a.key").read_text() == "mine"


# Staging ------------------------------------------------------------------------------------------------------------


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    with transaction.transaction(tmp_path) as change:
        change.write("a.key", b"secret", transaction.SECRET)
        assert files(tmp_path) == set()
    assert files(tmp_path) == set()


def test_an_error_within_a_change_drops_what_was_staged(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no"), transaction.transaction(tmp_path) as change:
        change.write("a.key", b"secret", transaction.SECRET)
        raise Problem("no")
    assert files(tmp_path) == set()
    assert {path.name for path in (tmp_path / ".pki").iterdir()} == {"lock"}


def test_each_file_is_synced_before_it_is_renamed_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What power loss may undo is what was not synced: contents, journal, then renames, then the folder.
    log: list[str] = []
    fsync, rename = os.fsync, os.rename

    def place(descriptor: int, name: str = "") -> str:
        return os.path.relpath(Path(os.readlink(f"/proc/self/fd/{descriptor}"), name), tmp_path)

    def synced(descriptor: int) -> None:
        log.append("sync " + place(descriptor))
        fsync(descriptor)

    def renamed(source: str, target: str, src_dir_fd: int, dst_dir_fd: int) -> None:
        log.append(f"rename to {place(dst_dir_fd, target)}")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    with transaction.transaction(tmp_path) as change:
        change.write("a.key", b"secret", transaction.SECRET)
        staging = os.path.relpath(change.staging, tmp_path)
        change.commit(old=ca.old_folder(tmp_path, NOW))
    wanted = [
        f"sync {staging}/a.key",
        f"sync {staging}",
        f"sync {staging}/journal.json",
        "rename to .pki/journal.json",
        "sync .pki",
        "rename to a.key",
        "sync .",
        "sync .pki",
    ]
    assert log == wanted
