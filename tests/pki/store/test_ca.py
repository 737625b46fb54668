"""The folder: layout, modes, protected files, concurrent commands. Falsehood caught: a key that is lost or exposed."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pki import keys, names
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.profiles import CLIENT
from pki.store import ca
from pki.store.ca import Existing
from pki.store.inventory import inventory
from tests.conftest import mint, pki, run, tool
from tests.pki.conftest import Command
from tests.pki.support import (
    DAY,
    NOW,
    TREE,
    assert_keys_are_private,
    assert_store_is_healthy,
    by_openssl,
    files,
    first,
    issue,
    snapshot,
)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A PKI that a test may change."""
    return mint(tmp_path / "certs")


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(os.lstat(path).st_mode)


# Layout and modes ---------------------------------------------------------------------------------------------------


def test_init_writes_exactly_the_files_of_the_layout(certs: Path) -> None:
    assert files(certs) == TREE


def test_every_file_of_a_fresh_tree_is_whole_and_every_key_fits(certs: Path) -> None:
    assert_store_is_healthy(certs)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_keys_are_0600_and_new_folders_0700_under_every_umask(tmp_path: Path, umask: int) -> None:
    directory = tmp_path / "deep" / "certs"
    before = os.umask(umask)
    try:
        mint(directory)
        issue(directory, "a.test")
    finally:
        os.umask(before)
    assert_keys_are_private(directory)
    for folder in (directory.parent, directory, directory / "rogue", directory / ".pki"):
        assert mode(folder) == 0o700
    assert mode(directory / "root.pem") == 0o644 & ~umask


def test_a_key_is_never_chmoded_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("chmod: for a moment the key was readable")

    for name in ("chmod", "fchmod", "lchmod"):
        monkeypatch.setattr(os, name, refuse, raising=False)
    mint(tmp_path / "certs")


@pytest.mark.parametrize("existing", [0o755, 0o700, 0o750], ids=oct)
def test_the_mode_of_an_existing_folder_is_left_alone(tmp_path: Path, existing: int) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs").chmod(existing)
    mint(tmp_path / "certs")
    assert mode(tmp_path / "certs") == existing


def test_what_else_stands_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    mint(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


# A second init ------------------------------------------------------------------------------------------------------


def test_a_second_init_refuses_and_changes_nothing(fresh: Path, cli: Command) -> None:
    before = snapshot(fresh)
    answer = cli("init", "--dir", fresh)
    assert answer.code == ExitCode.NO
    hint = answer.err.partition("hint:")[2]
    assert hint.index("the folder is ready: continue with `tlsdemo serve") < hint.index("--force")
    assert snapshot(fresh) == before


@pytest.mark.parametrize("present", sorted(TREE))
def test_init_refuses_when_only_one_of_its_files_is_there(tmp_path: Path, present: str) -> None:
    (tmp_path / present).parent.mkdir(exist_ok=True)
    (tmp_path / present).write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(Problem, match="already contains") as caught:
        mint(tmp_path)
    assert caught.value.code is ExitCode.NO
    assert "ready" not in str(caught.value.hint)
    assert snapshot(tmp_path) == before


def test_force_moves_the_old_tree_aside_whole_and_says_where(fresh: Path, cli: Command) -> None:
    issue(fresh, "a.test")
    before = snapshot(fresh)
    answer = cli("init", "--dir", fresh, "--force")
    assert answer.code == 0
    (old,) = (fresh / ".pki").glob("old-*")
    assert str(old) in answer.err + answer.out
    assert snapshot(old) == before
    assert files(fresh) == TREE
    assert_store_is_healthy(fresh)


def test_force_on_an_empty_folder_is_an_ordinary_init(tmp_path: Path, cli: Command) -> None:
    answer = cli("init", "--dir", tmp_path, "--force")
    assert answer.code == 0
    assert not list((tmp_path / ".pki").glob("old-*"))


def test_two_forced_inits_in_one_second_keep_both_old_trees(fresh: Path) -> None:
    for _ in range(2):
        ca.init(
            fresh, name="x", alternative_names=[names.parse("a.test")], key_type=KeyType.EC_P256,
            days=9, now=NOW, existing=Existing.MOVE_ASIDE,
        )  # fmt: skip
    assert len([path for path in (fresh / ".pki").glob("old-*") if (path / "root.key").exists()]) == 2


# Many at once -------------------------------------------------------------------------------------------------------


def test_of_two_inits_at_once_exactly_one_wins(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: pki("init", "--dir", tmp_path / "certs"), range(4)))
    assert sorted(each.returncode for each in done) == [0, 1, 1, 1]
    assert files(tmp_path / "certs") == TREE
    assert_store_is_healthy(tmp_path / "certs")


def test_twenty_issues_at_once_all_succeed_with_serials_of_their_own(fresh: Path) -> None:
    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda number: pki("issue", f"host-{number}.test", "--dir", fresh), range(20)))
    assert {each.returncode for each in done} == {0}, [each.stderr for each in done]
    serials = {first(fresh / f"host-{number}.test.pem").serial_number for number in range(20)}
    assert len(serials) == 20
    assert_store_is_healthy(fresh)


def test_of_twenty_issues_for_one_name_exactly_one_wins(fresh: Path) -> None:
    def attempt(_: int) -> bool:
        try:
            issue(fresh, "a.test")
        except Problem as problem:
            assert problem.code is ExitCode.NO
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1
    assert_store_is_healthy(fresh)


def test_a_certificate_issued_while_the_authority_is_replaced_is_not_of_the_old_one(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Between reading the CA and taking the lock, `init --force` runs in another terminal.
    generate = keys.generate

    def replaced_meanwhile(key_type: KeyType) -> keys.PrivateKey:
        monkeypatch.setattr(keys, "generate", generate)
        ca.init(
            fresh, name="new", alternative_names=[names.parse("a.test")], key_type=key_type,
            days=9, now=NOW, existing=Existing.MOVE_ASIDE,
        )  # fmt: skip
        return generate(key_type)

    monkeypatch.setattr(keys, "generate", replaced_meanwhile)
    try:
        issue(fresh, "b.test")
    except Problem:
        assert "b.test.pem" not in files(fresh)
        return
    status = {entry.file: entry.status for entry in inventory(fresh, NOW).entries}
    assert status["b.test.pem"] != "untrusted"


# Issue --------------------------------------------------------------------------------------------------------------


def test_issue_mints_one_certificate_for_all_names_into_the_file_of_the_first(fresh: Path) -> None:
    minted = issue(fresh, "*.a.test", "::1", "b.test")
    assert minted.files == ("_wildcard.a.test.key", "_wildcard.a.test.pem")
    for name in ("x.a.test", "b.test"):
        assert by_openssl(fresh / "root.pem", fresh / "_wildcard.a.test.pem", name).accepted


@pytest.mark.parametrize(
    ("name", "stem"), [("::1", "__1"), ("*.a.test", "_wildcard.a.test"), ("127.0.0.2", "127.0.0.2")]
)
def test_the_first_name_names_the_file(fresh: Path, name: str, stem: str) -> None:
    before = files(fresh)
    issue(fresh, name)
    assert files(fresh) - before == {f"{stem}.pem", f"{stem}.key"}


def test_a_host_name_as_long_as_they_get_can_be_issued(fresh: Path, cli: Command) -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])  # 253 characters, and a file name has at most 255 bytes
    answer = cli("issue", longest, "--dir", fresh)
    assert answer.code == 0, answer.err


def test_a_client_certificate_is_one(fresh: Path) -> None:
    issue(fresh, "ann@a.test", profile=CLIENT)
    assert by_purpose(fresh, "sslclient") and not by_purpose(fresh, "sslserver")


def by_purpose(directory: Path, purpose: str) -> bool:
    """Whether OpenSSL accepts the certificate for ann's address."""
    file = directory / "ann@a.test.pem"
    sent = ("-untrusted", file, "-CAfile", directory / "root.pem", file)
    return run(tool("openssl"), "verify", "-purpose", purpose, *sent).returncode == 0


@pytest.mark.parametrize("name", ["root", "intermediate", "server", "client", "crl"])
@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
def test_issue_never_replaces_what_init_made(fresh: Path, name: str, force: bool) -> None:
    before = snapshot(fresh)
    with pytest.raises(Problem, match="is a file of `pki init`") as caught:
        issue(fresh, name, force=force)
    assert caught.value.code is ExitCode.NO
    assert snapshot(fresh) == before


@pytest.mark.parametrize("suffix", [".pem", ".key"])
@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
def test_a_file_that_issue_did_not_make_is_never_overwritten(fresh: Path, suffix: str, force: bool) -> None:
    (fresh / f"a.test{suffix}").write_text("mine")
    before = snapshot(fresh)
    with pytest.raises(Problem, match="already exists") as caught:
        issue(fresh, "a.test", force=force)
    assert caught.value.code is ExitCode.NO
    assert snapshot(fresh) == before


def test_a_foreign_certificate_is_not_taken_for_one_of_ours(fresh: Path, certs: Path) -> None:
    for suffix in (".pem", ".key"):
        (fresh / f"a.test{suffix}").write_bytes((certs / f"server{suffix}").read_bytes())
    with pytest.raises(Problem, match="already exists"):
        issue(fresh, "a.test", force=True)


def test_force_replaces_what_issue_made_and_keeps_it_aside(fresh: Path) -> None:
    issue(fresh, "a.test")
    old = (fresh / "a.test.key").read_bytes()
    minted = issue(fresh, "a.test", force=True)
    assert minted.moved_to is not None
    assert (minted.moved_to / "a.test.key").read_bytes() == old
    assert (fresh / "a.test.key").read_bytes() != old
    assert_store_is_healthy(fresh)


@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "-rf", ".", "..", "a\0b", "x" * 300, "", "😀"])
def test_a_name_that_would_be_another_file_is_wrong_usage(fresh: Path, cli: Command, name: str) -> None:
    before = snapshot(fresh.parent)
    answer = cli("issue", "--dir", fresh, "--", name)
    assert answer.code == ExitCode.USAGE
    assert answer.err.startswith("error: ")
    assert snapshot(fresh.parent) == before


# Links --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["root.key", "server.key", "crl.pem", "root.pem"])
def test_init_refuses_a_dangling_link_in_place_of_a_file(tmp_path: Path, link: str) -> None:
    victim, directory = tmp_path / "victim", tmp_path / "certs"
    directory.mkdir()
    (directory / link).symlink_to(victim)
    with pytest.raises(Problem, match="already contains"):
        mint(directory)
    assert not victim.exists()


@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
@pytest.mark.parametrize("suffix", [".pem", ".key"])
def test_issue_writes_nothing_through_a_dangling_link(fresh: Path, tmp_path: Path, suffix: str, force: bool) -> None:
    victim = tmp_path / "victim"
    (fresh / f"a.test{suffix}").symlink_to(victim)
    with pytest.raises(Problem, match="already exists"):
        issue(fresh, "a.test", force=force)
    assert not victim.exists()


@pytest.mark.parametrize("force", ["--force", None], ids=["force", "plain"])
@pytest.mark.parametrize("dangling", [False, True], ids=["live", "dangling"])
def test_no_key_goes_through_a_linked_rogue_folder(
    tmp_path: Path, cli: Command, dangling: bool, force: str | None
) -> None:
    elsewhere, directory = tmp_path / "elsewhere", tmp_path / "certs"
    directory.mkdir()
    if not dangling:
        elsewhere.mkdir()
    (directory / "rogue").symlink_to(elsewhere)
    answer = cli("init", "--dir", directory, *([force] if force else []))
    assert answer.code in (ExitCode.NO, ExitCode.CANNOT) and "link" in answer.err
    assert not elsewhere.exists() or not list(elsewhere.iterdir())
    assert {path.name for path in directory.iterdir()} <= {"rogue", ".pki"}
    assert os.readlink(directory / "rogue") == str(elsewhere)


def test_no_key_goes_through_a_linked_state_folder(tmp_path: Path, cli: Command) -> None:
    elsewhere, directory = tmp_path / "elsewhere", tmp_path / "certs"
    directory.mkdir()
    elsewhere.mkdir()
    (directory / ".pki").symlink_to(elsewhere)
    answer = cli("init", "--dir", directory)
    assert answer.code == ExitCode.CANNOT and "link" in answer.err
    assert not list(elsewhere.iterdir())


def test_a_linked_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "certs" / ".pki").mkdir(parents=True)
    (tmp_path / "certs" / ".pki" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(Problem):
        mint(tmp_path / "certs")
    assert not (tmp_path / "victim").exists()


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("mine")
    with pytest.raises(Problem) as caught:
        mint(tmp_path / "certs")
    assert caught.value.code is ExitCode.CANNOT
    assert (tmp_path / "certs").read_text() == "mine"


# The clock ----------------------------------------------------------------------------------------------------------


def issue_at(directory: Path, days: int) -> ca.Minted:
    """`pki issue` that many days after `init`."""
    now = first(directory / "intermediate.pem").not_valid_before_utc + days * DAY
    return issue(directory, "a.test", now=now)


def test_an_expired_intermediate_issues_nothing_more(fresh: Path) -> None:
    with pytest.raises(Problem, match="expired on") as caught:
        issue_at(fresh, 1826)
    assert caught.value.code is ExitCode.CANNOT
    assert files(fresh) == TREE


def test_a_clock_before_the_birth_of_the_authority_is_an_error_and_no_traceback(fresh: Path) -> None:
    with pytest.raises(Problem) as caught:
        issue_at(fresh, -100)
    assert caught.value.code is ExitCode.CANNOT
    assert files(fresh) == TREE


def test_a_leaf_issued_late_is_cut_to_its_issuer_and_that_is_said(fresh: Path) -> None:
    minted = issue_at(fresh, 1820)
    assert minted.shortened
    assert first(fresh / "a.test.pem").not_valid_after_utc == first(fresh / "intermediate.pem").not_valid_after_utc


# The inventory ------------------------------------------------------------------------------------------------------


def statuses(directory: Path, days: int = 1) -> dict[str, str]:
    """Status by file, that many days after `init`."""
    birth = first(directory / "root.pem").not_valid_before_utc
    return {entry.file: entry.status for entry in inventory(directory, birth + days * DAY).entries}


def test_the_inventory_trusts_its_own_and_not_the_rogue(fresh: Path) -> None:
    own = dict.fromkeys(("root.pem", "intermediate.pem", "server.pem", "client.pem"), "valid")
    assert statuses(fresh) == {**own, "rogue/ca.pem": "untrusted", "rogue/server.pem": "untrusted"}


@pytest.mark.parametrize(("days", "status"), [(-1, "not yet valid"), (0, "valid"), (90, "valid"), (91, "expired")])
def test_the_inventory_knows_the_dates(fresh: Path, days: int, status: str) -> None:
    assert statuses(fresh, days)["server.pem"] == status


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "folder", "fifo"])
def test_one_unreadable_file_does_not_hide_the_others(fresh: Path, damage: str) -> None:
    target = fresh / "a.test.pem"
    match damage:
        case "truncated":
            target.write_bytes((fresh / "server.pem").read_bytes()[:300])
        case "folder":
            target.mkdir()
        case "fifo":
            os.mkfifo(target)
        case _:
            target.write_bytes(b"" if damage == "empty" else os.urandom(500))
    found = inventory(fresh, NOW)
    assert [file for file, _ in found.unreadable] == ["a.test.pem"]
    assert len(found.entries) == 6


def test_the_inventory_reads_a_folder_that_it_cannot_write(fresh: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (fresh, fresh / ".pki")}
    inventory(fresh, NOW)
    assert {path: path.stat().st_mtime_ns for path in before} == before
