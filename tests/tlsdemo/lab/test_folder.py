"""The temporary folder of a lab. Falsehoods caught: one that a killed lab leaves for ever; one that is removed although
its lab runs, or is not ours; a symbolic link that is followed.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.peers.conftest import Start, background
from tlsdemo.lab.folder import PREFIX, own_folder, remove_stale

__all__ = ["background"]
LAB = (sys.executable, "-m", "tlsdemo", "lab", "--only", "good", "--json")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go: of this process, and of those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def killed(temporary: Path) -> Path:
    """The folder of a process that was killed."""
    code = "import os, signal; from tlsdemo.lab.folder import own_folder\n"
    code += "with own_folder() as folder:\n    print(folder, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    folder = Path(done.stdout.strip())
    assert folder.parent == temporary
    assert folder.name.startswith(PREFIX)
    assert (folder / "owner").exists()
    return folder


def test_a_folder_lasts_as_long_as_its_block(temporary: Path) -> None:
    with own_folder() as folder:
        (folder / "file").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert int((folder / "owner").read_text()) == os.getpid()
    assert list(temporary.iterdir()) == []


def test_the_next_lab_removes_the_folder_of_one_that_was_killed(background: Start, temporary: Path) -> None:
    first = background(*LAB)
    first.wait_for("schema")
    left = next(temporary.glob(f"{PREFIX}*"))
    first.signal(signal.SIGKILL)
    first.wait()
    assert left.is_dir()
    second = background(*LAB)
    second.wait_for("schema")
    assert not left.exists()
    assert len(list(temporary.glob(f"{PREFIX}*"))) == 1
    second.end()
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_lab_that_runs_is_left_alone(background: Start, temporary: Path) -> None:
    with own_folder() as folder:
        other = background(*LAB)
        other.wait_for("schema")
        assert (folder / "owner").exists()
        other.end()
        assert folder.exists()


def test_what_is_not_the_folder_of_a_lab_is_left_alone(temporary: Path) -> None:
    outside = temporary.parent / "outside"
    outside.mkdir()
    (outside / "owner").write_text("1\n")
    (outside / "precious").write_text("x")
    (temporary / f"{PREFIX}link").symlink_to(outside)
    (temporary / f"{PREFIX}file").write_text("x")
    (temporary / f"{PREFIX}empty").mkdir()  # of an older version, or just begun
    linked = temporary / f"{PREFIX}linked"
    linked.mkdir()
    (linked / "owner").symlink_to(outside / "owner")
    fifo = temporary / f"{PREFIX}fifo"
    fifo.mkdir()
    os.mkfifo(fifo / "owner")
    other = temporary / "tlsdemo-other"
    other.mkdir()
    (other / "owner").write_text("1\n")
    before = sorted(temporary.iterdir())
    remove_stale(temporary)
    assert sorted(temporary.iterdir()) == before
    assert (outside / "precious").exists()


def test_a_link_inside_a_stale_folder_is_removed_and_not_followed(temporary: Path) -> None:
    outside = temporary.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    stale = killed(temporary)
    (stale / "link").symlink_to(outside)
    remove_stale(temporary)
    assert not stale.exists()
    assert (outside / "precious").read_text() == "x"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_the_folder_of_another_user_is_left_alone(temporary: Path) -> None:
    stale = killed(temporary)
    os.chown(stale, 65534, 65534)
    remove_stale(temporary)
    assert stale.exists()


def test_a_parent_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    remove_stale(tmp_path / "missing")
