"""A folder prepared by an attacker. Falsehood caught: "a command that only reads changes nothing".

The journal of a half-done change says which files to move. A clone or an archive may bring one, with links beside it.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pki.errors import ExitCode, Problem
from pki.store import transaction
from tests.conftest import Answer, Command, mint, tlsdemo
from tests.pki.store.test_transaction import half_done
from tests.pki.support import NOW, TREE, files, issue

READERS = (
    ("show", "root.pem"), ("show", "root.pem", "--der"), ("show", "rogue/ca.pem"), ("diff", "root.pem", "rogue/ca.pem"),
    ("verify", "server.pem", "--trust", "root.pem"), ("list", "--dir", "."), ("env", "--dir", "."),
    ("env", "--dir", ".", "--ca", "rogue/ca.pem"),
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a private key and an authorized_keys file."""
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    (ssh / "id").write_text("a private key")
    (ssh / "authorized_keys").write_text("mine")
    return tmp_path / "home"


@pytest.fixture
def clone(tmp_path: Path, certs: Path, home: Path) -> Iterator[Path]:
    """A store in a cloned folder, with a link to the home folder; the working folder during the test."""
    folder = tmp_path / "clone" / "certs"
    shutil.copytree(certs, folder)
    (folder / ".pki" / "lock").unlink()
    (folder / "x").symlink_to("../../home/.ssh")
    (folder / "evil").write_text("evil")
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def plant(folder: Path, aside: list[list[str]], place: list[list[str]], **more: object) -> None:
    """A journal in the form of an earlier version, or with what else is given."""
    (folder / ".pki" / "journal.json").write_text(
        json.dumps({"schema": 1, "aside": aside, "place": place, "replace": []} | more)
    )


def everything(folder: Path) -> dict[str, bytes]:
    """Every file, link and folder below, `.pki` included."""
    found = {}
    for path in folder.rglob("*"):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = content
    return found


def assert_refused(answer: Answer) -> None:
    assert answer.code == ExitCode.CANNOT, answer.err
    assert answer.err.startswith("error: ")
    assert "hint: " in answer.err


WRITERS = (("issue", "a.test", "--dir", "."), ("init", "--force", "--dir", "."), ("init", "--dir", "."))


# Readers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_reader_follows_no_journal(clone: Path, home: Path, cli: Command, words: tuple[str, ...]) -> None:
    plant(clone, [["x/id", "stolen"]], [["evil", "x/authorized_keys"]])
    before, of_home = everything(clone), everything(home)
    answer = cli(*words)
    assert answer.code == 0, answer.err
    assert "unfinished" in answer.err
    assert everything(home) == of_home
    after = {name: data for name, data in everything(clone).items() if not name.startswith("trust")}  # which env writes
    assert after == before


@pytest.mark.parametrize(
    "words",
    [("connect", "localhost:1", "--trust", "root.pem"), ("tour", "--certs", "missing"),
     ("serve", "--certs", ".", "--credential", "rogue", "--host", "192.0.2.1"),
     ("mitm", "--certs", ".", "--listen", "192.0.2.1:1")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_the_commands_that_talk_follow_no_journal(clone: Path, home: Path, words: tuple[str, ...]) -> None:
    plant(clone, [["x/id", "stolen"]], [["evil", "x/authorized_keys"]])
    before, of_home = everything(clone), everything(home)
    tlsdemo(*words)
    assert everything(home) == of_home
    assert everything(clone) == before


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_reader_waits_for_no_lock(clone: Path, cli: Command, words: tuple[str, ...]) -> None:
    plant(clone, [], [])
    with (clone / ".pki" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begin = time.monotonic()
        assert cli(*words).code == 0
    assert time.monotonic() - begin < transaction.PATIENCE


def test_a_reader_of_a_half_done_folder_says_so_and_reads_it(tmp_path: Path, cli: Command) -> None:
    half_done(tmp_path / "certs")
    before = everything(tmp_path / "certs")
    answer = cli("list", "--dir", tmp_path / "certs")
    assert answer.code == 0
    assert "unfinished" in answer.err
    assert "server.pem" in answer.out
    assert everything(tmp_path / "certs") == before


def test_a_reader_says_nothing_of_a_folder_that_is_whole(certs: Path, cli: Command) -> None:
    assert cli("list", "--dir", certs).err == ""


# Writers ------------------------------------------------------------------------------------------------------------

PLANTS: dict[str, tuple[list[list[str]], list[list[str]]]] = {
    "out of a link and into it": ([["x/id", "stolen"]], [["evil", "x/authorized_keys"]]),
    "a link aside": ([["x", ".pki/old-20260101T000000Z/x"]], [[".pki/staging-ab/x/a.key", "x/a.pem"]]),
    "into a link": ([], [[".pki/staging-ab/x/authorized_keys.pem", "x/authorized_keys.pem"]]),
    "a file that no command stages": ([], [["evil", "root.pem"]]),
    "staged under another name": ([], [[".pki/staging-ab/a.pem", "root.pem"]]),
    "staged in two folders": ([], [[".pki/staging-ab/a.pem", "a.pem"], [".pki/staging-cd/b.pem", "b.pem"]]),
    "into .pki": ([], [[".pki/staging-ab/.pki/lock", ".pki/lock"]]),
    "a hidden file": ([], [[".pki/staging-ab/.bashrc", ".bashrc"]]),
    "no certificate": ([], [[".pki/staging-ab/Makefile", "Makefile"]]),
    "aside to where it likes": ([["root.key", "public"]], []),
    "aside from below": ([["rogue/ca.pem", ".pki/old-20260101T000000Z/rogue/ca.pem"]], []),
    "a NUL": ([["a\0b", ".pki/old-20260101T000000Z/a\0b"]], [[".pki/staging-ab/a\0.pem", "a\0.pem"]]),
    "nothing": ([], []),
    "an empty name": ([["", ".pki/old-20260101T000000Z/"]], []),
    "much": ([[f"{n:0200}.pem", f".pki/old-20260101T000000Z/{n:0200}.pem"] for n in range(40000)], []),
}  # fmt: skip


@pytest.mark.parametrize("words", WRITERS[:2], ids=lambda words: words[0])
@pytest.mark.parametrize("schema", [1, 2, 3])
@pytest.mark.parametrize("planted", PLANTS)
def test_a_writer_follows_no_journal_of_a_stranger(
    clone: Path, home: Path, cli: Command, planted: str, words: tuple[str, ...], schema: int
) -> None:
    aside, place = PLANTS[planted]
    for name in ("a.pem", "b.pem", "Makefile", ".bashrc", "x/authorized_keys.pem", ".pki/lock"):
        for staging in ("staging-ab", "staging-cd"):
            (clone / ".pki" / staging / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / ".pki" / staging / name).write_text("evil")
    # Even an attacker who knows the inode number can only make moves that a command makes.
    inode = 1 if planted == "nothing" else (clone / ".pki" / "staging-ab").stat().st_ino
    plant(clone, aside, place, schema=schema, staging="staging-ab", inode=inode, old="old-20260101T000000Z")
    (clone / ".pki" / "journal.json").chmod(0o600)
    before, of_home = everything(clone), everything(home)
    assert_refused(cli(*words))
    assert everything(home) == of_home
    assert {name: data for name, data in everything(clone).items() if name != ".pki/lock"} == before


@pytest.mark.parametrize("words", [("revoke", "server"), ("crl",), ("renew", "server"), ("rekey", "server"),
                                   ("request", "x.test")], ids=lambda words: words[0])  # fmt: skip
@pytest.mark.parametrize("part", ["place", "replace"])
def test_no_other_writer_follows_one_either(
    clone: Path, home: Path, cli: Command, words: tuple[str, ...], part: str
) -> None:
    (clone / ".pki" / "staging-ab").mkdir(parents=True)
    (clone / ".pki" / "staging-ab" / ".bashrc").write_text("evil")
    move = [[".pki/staging-ab/.bashrc", ".bashrc"]]
    more = {"schema": 3, "staging": "staging-ab", "inode": (clone / ".pki" / "staging-ab").stat().st_ino}
    placed, replaced = (move, []) if part == "place" else ([], move)
    plant(clone, [], placed, **more, old="old-20260101T000000Z", replace=replaced)
    (clone / ".pki" / "journal.json").chmod(0o600)
    before, of_home = everything(clone), everything(home)
    assert_refused(cli(*words, "--dir", "."))
    assert everything(home) == of_home
    assert {name: data for name, data in everything(clone).items() if name != ".pki/lock"} == before


@pytest.mark.parametrize(("words", "link"), [(("revoke", "server"), "crl.pem"), (("crl",), "crl.pem"),
                                             (("renew", "server"), "server.pem"), (("rekey", "server"), "server.key"),
                                             (("request", "x.test"), "x.test.csr")], ids=str)  # fmt: skip
def test_no_writer_follows_a_link(certs: Path, tmp_path: Path, cli: Command, words: tuple[str, ...], link: str) -> None:
    folder, elsewhere = tmp_path / "certs", tmp_path / "elsewhere"
    shutil.copytree(certs, folder, ignore=shutil.ignore_patterns(".pki"))
    elsewhere.write_bytes((folder / link).read_bytes() if (folder / link).exists() else b"mine")
    (folder / link).unlink(missing_ok=True)
    (folder / link).symlink_to(elsewhere)
    before = elsewhere.read_bytes(), elsewhere.stat().st_mode
    answer = cli(*words, "--dir", folder)
    assert answer.code != 0 or not (folder / link).is_symlink(), "the link itself may be replaced"
    assert (elsewhere.read_bytes(), elsewhere.stat().st_mode) == before


def test_a_journal_of_the_right_form_that_was_copied_here_is_not_followed(tmp_path: Path, cli: Command) -> None:
    half_done(tmp_path / "theirs")
    shutil.copytree(tmp_path / "theirs", tmp_path / "certs")
    before = everything(tmp_path / "certs")
    answer = cli("issue", "b.test", "--dir", tmp_path / "certs")
    assert_refused(answer)
    assert "was written for another folder" in answer.err
    assert everything(tmp_path / "certs") == before


def test_after_the_journal_is_deleted_the_store_works_again(clone: Path, cli: Command) -> None:
    plant(clone, [["x/id", "stolen"]], [["evil", "x/authorized_keys"]])
    answer = cli("issue", "a.test", "--dir", ".")
    assert "delete it" in answer.err
    (clone / ".pki" / "journal.json").unlink()
    assert cli("issue", "a.test", "--dir", ".").code == 0


@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder", "device", "huge", "sparse"])
@pytest.mark.parametrize("words", WRITERS[:2], ids=lambda words: words[0])
def test_a_journal_that_is_no_file_of_ours(
    clone: Path, home: Path, cli: Command, kind: str, words: tuple[str, ...]
) -> None:
    journal = clone / ".pki" / "journal.json"
    match kind:
        case "link":
            journal.symlink_to(home / ".ssh" / "id")
        case "dangling link":
            journal.symlink_to(home / "nothing")
        case "fifo":
            os.mkfifo(journal)
        case "folder":
            journal.mkdir()
        case "device":
            journal.symlink_to("/dev/zero")
        case "huge":
            journal.write_text('{"schema": 2, "aside": [' + " " * (1 << 25) + "]}")
        case "sparse":
            with journal.open("wb") as file:
                file.truncate(1 << 40)
    of_home = everything(home)
    assert_refused(cli(*words))
    assert everything(home) == of_home
    assert files(clone) - {"x", "evil"} == TREE
    assert cli("list", "--dir", ".").code == 0


@pytest.mark.parametrize("kind", ["link", "file", "fifo"])
@pytest.mark.parametrize("words", WRITERS[:2], ids=lambda words: words[0])
def test_a_state_folder_that_is_none(clone: Path, home: Path, cli: Command, kind: str, words: tuple[str, ...]) -> None:
    shutil.rmtree(clone / ".pki")
    match kind:
        case "link":
            (clone / ".pki").symlink_to(home / ".ssh")
        case "file":
            (clone / ".pki").write_text("")
        case "fifo":
            os.mkfifo(clone / ".pki")
    of_home = everything(home)
    assert_refused(cli(*words))
    assert everything(home) == of_home


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "hard link"])
def test_a_lock_that_is_planted_is_not_written_to(clone: Path, home: Path, cli: Command, kind: str) -> None:
    lock = clone / ".pki" / "lock"
    match kind:
        case "link":
            lock.symlink_to(home / ".ssh" / "id")
        case "fifo":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
        case "hard link":
            os.link(home / ".ssh" / "id", lock)
    of_home = everything(home)
    answer = cli("issue", "a.test", "--dir", ".")
    assert answer.code == (0 if kind == "hard link" else ExitCode.CANNOT)
    assert everything(home) == of_home


def change_half_done(directory: Path, link: str, home: Path) -> None:
    """An interrupted change of our own; then a folder on its path is replaced by a link."""
    journal = half_done(directory)
    content = json.loads(journal.read_bytes())
    staging = directory / ".pki" / content["staging"]
    target = home / ".ssh"
    match link:
        case "staging":
            shutil.rmtree(staging)
            staging.symlink_to(target)
        case "old":
            content["aside"] = [["server.pem", f".pki/{content['old']}/server.pem"]]
            journal.write_text(json.dumps(content))
            (directory / ".pki" / content["old"]).symlink_to(target)


@pytest.mark.parametrize("link", ["staging", "old"])
def test_no_folder_of_the_bookkeeping_is_followed_through_a_link(tmp_path: Path, home: Path, link: str) -> None:
    directory = tmp_path / "certs"
    change_half_done(directory, link, home)
    of_home, before = everything(home), files(directory)
    with pytest.raises(Problem):
        transaction.recover(directory)
    assert everything(home) == of_home
    assert files(directory) == before


def test_a_change_is_not_finished_in_a_folder_that_is_named_by_a_link(tmp_path: Path, cli: Command) -> None:
    half_done(tmp_path / "certs")
    (tmp_path / "link").symlink_to("certs")
    answer = cli("issue", "b.test", "--dir", tmp_path / "link")
    assert_refused(answer)
    assert "is a link" in answer.err
    assert str(tmp_path / "certs") in answer.err.partition("hint:")[2]
    assert cli("issue", "b.test", "--dir", tmp_path / "certs").code == 0
    assert cli("issue", "c.test", "--dir", tmp_path / "link").code == 0  # no change is unfinished now
    assert {"a.test.pem", "b.test.pem", "c.test.pem"} <= files(tmp_path / "certs")


@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=oct)
def test_a_change_is_not_finished_in_a_folder_that_all_users_may_write(tmp_path: Path, cli: Command, mode: int) -> None:
    half_done(tmp_path / "certs")
    (tmp_path / "certs").chmod(mode)
    answer = cli("issue", "b.test", "--dir", tmp_path / "certs")
    assert_refused(answer)
    assert "may write" in answer.err
    (tmp_path / "certs").chmod(0o755)
    assert cli("issue", "b.test", "--dir", tmp_path / "certs").code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("whose", ["the folder", "its .pki", "the journal", "the staging folder"])
def test_a_change_is_not_finished_for_another_user(tmp_path: Path, cli: Command, whose: str) -> None:
    journal = half_done(tmp_path / "certs")
    staging = journal.parent / json.loads(journal.read_bytes())["staging"]
    place = {"the folder": tmp_path / "certs", "its .pki": journal.parent, "the journal": journal}.get(whose, staging)
    os.chown(place, 65534, 65534)
    answer = cli("issue", "b.test", "--dir", tmp_path / "certs")
    assert_refused(answer)
    assert "belongs to user 65534" in answer.err
    assert "a.test.pem" not in files(tmp_path / "certs")


def test_what_a_user_put_there_meanwhile_is_kept(tmp_path: Path, cli: Command) -> None:
    directory = tmp_path / "certs"
    half_done(directory)
    (directory / "a.test.pem").write_text("mine")
    assert cli("issue", "b.test", "--dir", directory).code == 0
    assert "BEGIN CERTIFICATE" in (directory / "a.test.pem").read_text()
    kept = [path.read_text() for path in (directory / ".pki").rglob("a.test.pem")]
    assert kept == ["mine"]


def test_the_system_s_own_links_below_the_root_folder_are_no_obstacle(tmp_path: Path) -> None:
    """As /tmp and /var are on macOS; here /proc/self is deeper, and /bin may be one."""
    links = [path for path in Path("/").iterdir() if path.is_symlink() and path.is_dir()]
    if not links:
        pytest.skip("no link below /")
    from pki.store.folder import Folder

    with Folder.without_links(links[0]) as found:
        assert os.path.samestat(os.fstat(found.descriptor), links[0].stat())


# The lock -----------------------------------------------------------------------------------------------------------


def test_the_wait_for_the_lock_is_bounded_and_names_its_holder(
    tmp_path: Path, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.3)
    monkeypatch.setattr(transaction, "SILENCE", 0.1)
    directory = mint(tmp_path / "certs")
    with (directory / ".pki" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = cli("issue", "a.test", "--dir", directory)
    assert answer.code == ExitCode.CANNOT
    holder = f"process {os.getpid()}" if Path("/proc/locks").exists() else "another process"
    assert f"note: waiting for {directory}/.pki/lock, which is locked by {holder}\n" in answer.err
    assert f"error: {directory}/.pki/lock is locked by {holder}\n  timed out after 0.3 s" in answer.err
    assert "a.test.pem" not in files(directory)
    assert cli("issue", "a.test", "--dir", directory).code == 0


def test_a_lock_that_is_freed_in_time_is_taken(tmp_path: Path) -> None:
    directory = mint(tmp_path / "certs", now=NOW)
    lock = (directory / ".pki" / "lock").open("r+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    real = fcntl.flock

    def freed(descriptor: int, how: int) -> None:
        if not lock.closed:
            lock.close()
            raise BlockingIOError
        real(descriptor, how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", freed)
        issue(directory, "a.test", now=NOW)
    assert "a.test.pem" in files(directory)


# New folders --------------------------------------------------------------------------------------------------------


def test_the_parent_of_every_new_folder_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = set()
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.add((os.fstat(descriptor).st_dev, os.fstat(descriptor).st_ino))

    monkeypatch.setattr(os, "fsync", noted)
    mint(tmp_path / "a" / "b" / "certs")
    for folder in (tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "certs"):
        assert (folder.stat().st_dev, folder.stat().st_ino) in synced, folder


def test_what_env_writes_goes_through_no_link(clone: Path, home: Path, cli: Command) -> None:
    (clone / "trust").symlink_to(home / ".ssh")
    of_home = everything(home)
    answer = cli("env", "--dir", ".")
    assert_refused(answer)
    assert "is a link" in answer.err
    assert everything(home) == of_home
