"""Every option that names a file to be written. Falsehood caught: a report in the place of a key.

Each option is tried on the same targets; what a target holds must survive, and be said before the run.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from pki.errors import Problem
from pki.store import output
from pki.store.output import Output, only_certificates_of
from tests.conftest import Answer, run, tool
from tests.pki.support import a_root, first, pem
from tests.tlsdemo.conftest import Command
from tlsdemo.attack.catalogue import ATTACKS
from tlsdemo.report import html, junit, sarif

FORCE = ("--force",)


@dataclass(frozen=True)
class Option:
    """An option, and the command around it; the file goes to the end."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    force: bool = True

    def __str__(self) -> str:
        return f"{self.command[0]} {self.name}"


OPTIONS = (
    Option("--html", ("compare", "--only", f"{ATTACKS[0].id},plain")),
    Option("--ca-out", ("lab", "--only", "good", "--port-base", "1")),
    *(Option(name, ("check-client",), ("--", "no-such-program", "{url}")) for name in ("--html", "--junit", "--sarif")),
    Option("--keylog", ("connect", "localhost:1"), force=False),
    Option("--keylog", ("serve", "--once", "--host", "192.0.2.1"), force=False),
)
"""Commands that would fail later, or end by themselves: what must be said is said before that."""


@pytest.fixture(params=OPTIONS, ids=str)
def option(request: pytest.FixtureRequest) -> Option:
    found: Option = request.param
    return found


@pytest.fixture
def ask(cli: Command, certs: Path, option: Option) -> Callable[..., Answer]:
    """The command, writing to a path."""

    def asked(path: Path | str, *more: str) -> Answer:
        where = {"connect": ("--trust", certs / "root.pem"), "serve": ("--certs", certs)}.get(option.command[0], ())
        return cli(*option.command, *where, option.name, path, *more, *option.after)

    return asked


KEY_LOG = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
PAGE = b'<!doctype html>\n<meta name="viewport" content="x">\n'
PKCS8 = PrivateFormat.PKCS8
PRECIOUS: dict[str, Callable[[], bytes]] = {
    "key": lambda: _key().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    "key of SEC 1": lambda: _key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "key in DER": lambda: _key().private_bytes(Encoding.DER, PKCS8, NoEncryption()),
    "encrypted key": lambda: _key().private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"x")),
    "encrypted key in DER": lambda: _key().private_bytes(Encoding.DER, PKCS8, BestAvailableEncryption(b"x")),
    "key of SSH": lambda: _key().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
    "PKCS #12": lambda: _pkcs12(),
    "certificate": lambda: pem(a_root().certificate),
    "certificate in DER": lambda: a_root().certificate.public_bytes(Encoding.DER),
    "key in UTF-16": lambda: _key().private_bytes(Encoding.PEM, PKCS8, NoEncryption()).decode().encode("utf-16"),
    "key below text": lambda: b"# mine\n" * 99 + _key().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    "key log and key": lambda: KEY_LOG + _key().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    "page and key": lambda: PAGE + b"-----BEGIN PRIVATE KEY-----\nx\n",
}
"""What is never replaced."""


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pkcs12() -> bytes:
    root = a_root()
    key = root.credential.key
    return pkcs12.serialize_key_and_certificates(b"x", key, root.certificate, None, BestAvailableEncryption(b"x"))


def assert_refused(answer: Answer, code: int, *words: str) -> None:
    assert answer.code == code, answer
    assert answer.err.startswith("error: ")
    assert "hint: " in answer.err
    for word in words:
        assert word in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("what", PRECIOUS)
def test_a_key_or_another_certificate_is_never_replaced(
    tmp_path: Path, option: Option, ask: Callable[..., Answer], what: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(PRECIOUS[what]())
    before, inode = path.read_bytes(), path.stat().st_ino
    for more in ((), FORCE) if option.force else ((),):
        assert_refused(ask(path, *more), 1, str(path), "exists and contains")
        assert (path.read_bytes(), path.stat().st_ino) == (before, inode)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["root.pem", "root.key", "crl.pem", "rogue/ca.pem", "intermediate.pem"])
def test_nothing_of_a_store_is_replaced(
    certs: Path, tmp_path: Path, option: Option, ask: Callable[..., Answer], name: str
) -> None:
    shutil.copytree(certs, tmp_path / "certs")
    before = (tmp_path / "certs" / name).read_bytes()
    for more in ((), FORCE) if option.force else ((),):
        assert_refused(ask(tmp_path / "certs" / name, *more), 1)
        assert (tmp_path / "certs" / name).read_bytes() == before


def test_what_was_not_made_here_is_not_replaced_without_asking(
    tmp_path: Path, option: Option, ask: Callable[..., Answer]
) -> None:
    path = tmp_path / "notes"
    for content in (
        b"precious",
        b"# a comment\n",
        b"{}",
        b"<!doctype html>\n<p>mine",
        b"<?xml version='1.0'?><a/>",
        b"\0",
    ):
        path.write_bytes(content)
        answer = ask(path)
        assert_refused(answer, 1, "was not made by this command")
        assert ("--force" in answer.err) == option.force
        assert path.read_bytes() == content


@pytest.mark.parametrize("target", ["dangling", "live"])
def test_nothing_is_written_through_a_planted_link(
    tmp_path: Path, option: Option, ask: Callable[..., Answer], target: str
) -> None:
    (tmp_path / "home").mkdir()
    aim = tmp_path / "home" / ".bashrc"
    if target == "live":
        aim.write_text("precious")
    (tmp_path / "link").symlink_to(aim)
    for more in ((), FORCE) if option.force else ((),):
        assert_refused(ask(tmp_path / "link", *more), 1, "is a link")
    assert aim.read_text() == "precious" if target == "live" else not aim.exists()


def test_what_cannot_be_written_is_said_before_the_run(
    tmp_path: Path, option: Option, ask: Callable[..., Answer]
) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "no" / "file", tmp_path / "file" / "x", "/proc/x", tmp_path / ("x" * 300), ""):
        assert_refused(ask(path), 3, "cannot write")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]
    assert (tmp_path / "file").read_text() == ""


# What may be replaced -----------------------------------------------------------------------------------------------

ONLY = f"{ATTACKS[0].id},plain"


@pytest.fixture
def page(tmp_path: Path, cli: Command) -> Path:
    """A page that `compare` made."""
    path = tmp_path / "page.html"
    assert cli("compare", "--only", ONLY, "--html", path).code == 0
    return path


def again(cli: Command, path: Path | str, *more: str) -> Answer:
    return cli("compare", "--only", ONLY, "--html", path, *more)


def test_a_page_of_ours_is_replaced_by_another_file_in_one_step(page: Path, cli: Command) -> None:
    page.chmod(0o640)
    inode, held = page.stat().st_ino, page.open()
    assert again(cli, page).code == 0
    assert page.stat().st_ino != inode, "a reader never sees a part of it"
    assert held.read().rstrip().endswith("</html>")
    held.close()
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    assert [each.name for each in page.parent.iterdir()] == ["page.html"]


def test_through_a_link_a_page_of_ours_is_replaced_and_the_link_stays(page: Path, cli: Command) -> None:
    link = page.with_name("latest.html")
    link.symlink_to("page.html")
    before = page.read_text()
    assert again(cli, link).code == 0
    assert link.is_symlink()
    assert page.read_text() != before


def test_an_empty_file_is_written(tmp_path: Path, cli: Command) -> None:
    path = tmp_path / "made-by-mktemp"
    path.touch(mode=0o600)
    assert again(cli, path).code == 0
    assert html.is_ours(path.read_bytes())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_with_force_other_text_is_replaced(tmp_path: Path, cli: Command) -> None:
    path = tmp_path / "page.html"
    path.write_text("<p>mine")
    assert again(cli, path).code == 1
    assert again(cli, path, "--force").code == 0
    assert html.is_ours(path.read_bytes())


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, cli: Command) -> None:
    before = os.umask(0o027)
    try:
        assert again(cli, tmp_path / "a.html").code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.html").stat().st_mode) == 0o640


def test_each_report_recognises_its_own_and_no_other() -> None:
    from tests.tlsdemo.report.samples import report, strict
    from tlsdemo.report.client_page import as_html

    texts = {
        html.is_ours: as_html(report(strict)),
        junit.is_ours: junit.as_junit(report(strict)),
        sarif.is_ours: sarif.as_sarif(report(strict)),
    }
    for ours in texts:
        assert [own for own, text in texts.items() if ours(text.encode())] == [ours]
        for other in (b"", b"{", b"[]", b'{"runs": []}', b'{"runs": 1}', b"<!doctype html>", b"\xff\xfe"):
            assert not ours(other)


def test_one_file_for_two_reports_is_wrong_usage(tmp_path: Path, cli: Command) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for other in (tmp_path / "x", tmp_path / "link" / "x"):
        answer = cli("check-client", "--html", tmp_path / "x", "--junit", other, "--", "curl", "{url}")
        assert_refused(answer, 2, "--junit and --html name the same file")


def test_only_the_certificate_of_a_lab_is_taken_for_one(certs: Path) -> None:
    from tlsdemo.lab.ca import NAME, ROOT_NAME

    ours = only_certificates_of(ROOT_NAME)
    lab, other = a_root(NAME), a_root("tlsdemo development CA")
    assert ours(pem(lab.certificate))
    for content in (
        pem(other.certificate), pem(lab.certificate, other.certificate), pem(lab.certificate) + lab.credential.key_pem,
        (certs / "root.pem").read_bytes(), b"", b"text",
    ):  # fmt: skip
        assert not ours(content)


# Pipes and devices --------------------------------------------------------------------------------------------------

SMALL = (sys.executable, "-m", "tlsdemo", "compare", "--only")


def compared(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return run(*SMALL, ONLY, "--markdown", *words, **options)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "-"])
def test_standard_output_is_written_to(path: str, tmp_path: Path) -> None:
    done = compared("--html", path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<!doctype html>" in done.stdout
    assert "| `plain` |" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by", ["/dev/stdout", "its name"])
def test_where_standard_output_is_a_file_nothing_of_it_is_lost(tmp_path: Path, by: str) -> None:
    path = tmp_path / "out"
    command = '"$@" > "$OUT"'
    words = (*SMALL, ONLY, "--markdown", "--html", path if by == "its name" else by)
    done = run("sh", "-c", command, "sh", *words, env={**os.environ, "OUT": str(path)})
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert "<!doctype html>" in text
    assert "| `plain` |" in text


def test_null_stays_a_device() -> None:
    before = os.stat("/dev/null")
    assert compared("--html", "/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.stat("/dev/null").st_ino == before.st_ino


def test_a_full_device_is_an_error() -> None:
    done = compared("--html", "/dev/full")
    assert done.returncode == 3
    assert "cannot write /dev/full\n  No space left" in done.stderr


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    os.mkfifo(tmp_path / "fifo")
    yield tmp_path / "fifo"
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_a_fifo_is_written_to(fifo: Path) -> None:
    with subprocess.Popen([tool("cat"), fifo], stdout=subprocess.PIPE, text=True) as cat:
        done = compared("--html", fifo)
        if done.returncode == 3:  # cat was not there in time
            cat.kill()
            pytest.skip("the reader came too late")
        assert done.returncode == 0, done.stderr
        assert cat.stdout and "<!doctype html>" in cat.stdout.read()


def test_a_fifo_without_a_reader_does_not_hang(fifo: Path) -> None:
    done = compared("--html", fifo)
    assert done.returncode == 3
    assert f"cannot write {fifo}" in done.stderr


def test_an_open_descriptor_of_the_shell_is_written_to(tmp_path: Path) -> None:
    words = (*SMALL, ONLY, "--markdown", "--html", "/dev/fd/3")
    done = run("bash", "-c", 'echo first >&3; "$@"; echo last >&3', "bash", *words, pass_fds=(), cwd=tmp_path)
    assert done.returncode == 3 or done.stderr
    done = run("bash", "-c", 'exec 3> out; echo first >&3; "$@"; echo last >&3', "bash", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out").read_text()
    assert text.startswith("first\n<!doctype html>")
    assert text.endswith("last\n")


# The disk -----------------------------------------------------------------------------------------------------------


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    target = Output(path, "--html", lambda content: True)
    real = os.fsync

    def failing(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    target.check()
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(Problem, match="cannot write"):
        target.write("new")
    monkeypatch.setattr(os, "fsync", real)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_what_came_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    target = Output(tmp_path / "report", "--html", html.is_ours)
    target.check()
    (tmp_path / "report").write_text("mine")
    with pytest.raises(Problem, match="was not made by this command"):
        target.write("new")
    assert (tmp_path / "report").read_text() == "mine"


def test_a_name_as_long_as_names_get_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    Output(path, "--html", html.is_ours).write("text")
    assert path.read_text() == "text"


# Key logs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o640, True), (0o644, True), (0o666, True)])
def test_an_existing_key_log_that_others_can_read_is_noted(
    tmp_path: Path, cli: Command, certs: Path, mode: int, exposed: bool
) -> None:
    path = tmp_path / "keys.log"
    path.write_bytes(KEY_LOG)
    path.chmod(mode)
    answer = cli("connect", "localhost:1", "--trust", certs / "root.pem", "--keylog", path)
    assert (f"(mode {mode:04o}); run `chmod 600 {path}`" in answer.err) == exposed
    assert path.read_bytes() == KEY_LOG


def test_a_new_key_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        output.prepare_key_log(tmp_path / "keys.log")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys.log").stat().st_mode) == 0o600
    assert output.is_key_log((tmp_path / "keys.log").read_bytes())


def test_key_logs_of_other_programs_are_added_to(tmp_path: Path) -> None:
    for content in (
        KEY_LOG, b"# SSL/TLS secrets log file, generated by NSS\n" + KEY_LOG, KEY_LOG.replace(b"\n", b"\r\n"),
        b"RSA Session-ID:00 Master-Key:11\n", b"RSA 0011223344556677 " + b"ab" * 48 + b"\n",
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET " + b"0a" * 32 + b" " + b"0B" * 32,
    ):  # fmt: skip
        assert output.is_key_log(content), content
    for content in (b"", b"# only a comment\n", b"text\n", KEY_LOG + b"text\n", b"PATH /bin /usr\n", b"A b c\n"):
        assert not output.is_key_log(content), content


def test_another_certificate_in_place_of_the_untrusted_ca_stays(tmp_path: Path, certs: Path, cli: Command) -> None:
    shutil.copytree(certs, tmp_path / "certs")
    place = tmp_path / "certs" / "untrusted-ca" / "ca.pem"
    serve = ("serve", "--once", "--host", "192.0.2.1", "--credential", "untrusted-ca", "--certs", tmp_path / "certs")
    for _ in range(2):
        assert "cannot listen" in cli(*serve).err
        assert "trustme" in first(place).issuer.rfc4514_string()
    mine = pem(a_root().certificate)
    for content in (mine, place.read_bytes() + mine, b"text"):
        place.write_bytes(content)
        assert_refused(cli(*serve), 1, str(place))
        assert place.read_bytes() == content
