"""The command line: exit codes, errors with hints, JSON for programs. Falsehood caught: a traceback for a user."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki import authority
from pki.cli import arguments
from pki.errors import ExitCode, Problem
from tests.conftest import mint, pki, run, tool
from tests.pki.conftest import Answer, Command
from tests.pki.path.test_path import ODD_EXTENSIONS, assembled
from tests.pki.show.test_describe import EVIL, hostile
from tests.pki.support import TREE, assert_store_is_healthy, files, first, pem, snapshot

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A PKI that a test may change."""
    return mint(tmp_path / "certs")


def assert_error(answer: Answer, code: ExitCode, *words: str) -> None:
    """One error with its hint and nothing on stdout."""
    assert answer.code == code, answer
    assert answer.err.startswith("error: ")
    assert "\n  hint: " in answer.err
    assert answer.out == ""
    for word in words:
        assert word in answer.err


def parsed(answer: Answer) -> dict[str, Any]:
    """The JSON object on stdout, with its schema."""
    assert answer.code in (0, 1), answer.err
    content = json.loads(answer.out)
    assert content["schema"] == 2
    assert isinstance(content, dict)
    return content


# What a person reads ------------------------------------------------------------------------------------------------


def test_init_ends_with_names_paths_expiry_users_and_the_next_command(tmp_path: Path, cli: Command) -> None:
    answer = cli("init", "--dir", tmp_path / "certs")
    expiry = first(tmp_path / "certs/server.pem").not_valid_after_utc
    wanted = [
        "localhost, 127.0.0.1, ::1",
        f"{expiry:%Y-%m-%d}",
        "the server uses",
        "the client trusts",
        "tlsdemo serve",
    ]
    assert answer.code == 0
    assert all(word in answer.out for word in [*wanted, str(tmp_path / "certs/root.pem")])


def test_init_in_the_default_folder_says_the_shortest_next_command(
    tmp_path: Path, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("init")
    assert answer.out.endswith("  tlsdemo serve\n  tlsdemo connect\n")
    assert files(tmp_path / "certs") == TREE


def test_what_is_printed_fits_into_80_columns(tmp_path: Path, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = [
        cli("init"),
        cli("list"),
        cli("issue", "a.test"),
        cli("show", "certs/server.pem"),
        cli("diff", "certs/root.pem", "certs/rogue/ca.pem"),
        cli("diff", "certs/server.pem", "certs/rogue/server.pem"),
        cli("verify", "certs/server.pem", "--name", "evil.test"),
        cli("verify", "certs/rogue/server.pem"),
    ]
    for answer in answers:
        assert max(len(line) for line in answer.out.splitlines()) <= 80, answer.out


def test_list_shows_every_certificate_with_its_status(fresh: Path, cli: Command) -> None:
    lines = cli("list", "--dir", fresh).out.splitlines()
    assert lines[0].split() == ["file", "status", "until", "names"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["root.pem", "valid"], ["intermediate.pem", "valid"], ["server.pem", "valid"], ["client.pem", "valid"],
        ["rogue/ca.pem", "untrusted"], ["rogue/server.pem", "untrusted"],
    ]  # fmt: skip


def test_show_explains_every_certificate_of_a_chain(certs: Path, cli: Command) -> None:
    answer = cli("show", certs / "server.pem")
    assert answer.code == 0
    assert "1 of 2: certificate CN=localhost" in answer.out
    assert "2 of 2: certificate " in answer.out


def test_diff_says_what_the_eye_cannot_see(certs: Path, cli: Command) -> None:
    answer = cli("diff", certs / "root.pem", certs / "rogue/ca.pem")
    assert answer.code == 0
    assert "compare its fingerprint with one from another source" in " ".join(answer.out.split())
    assert [line.split()[1] for line in answer.out.splitlines() if "DIFFERENT" in line] == [
        "serial",
        "public",
        "signature",
    ]


def test_diff_of_two_servers_does_not_claim_that_they_look_the_same(certs: Path, cli: Command) -> None:
    answer = cli("diff", certs / "server.pem", certs / "rogue/server.pem")
    assert "from another source" not in answer.out
    assert re.search(r"DIFFERENT issuer", answer.out)


def test_verify_says_yes_and_no_and_why(certs: Path, cli: Command) -> None:
    yes = cli("verify", certs / "server.pem", "--dir", certs, "--name", "localhost")
    no = cli("verify", certs / "rogue/server.pem", "--dir", certs, "--name", "localhost")
    assert (yes.code, no.code) == (ExitCode.YES, ExitCode.NO)
    assert "accepted" in yes.out
    assert "REFUSED" in no.out and "the signature does not" in " ".join(no.out.split())


def test_verify_accepts_the_rogue_under_its_own_anchor(certs: Path, cli: Command) -> None:
    control = cli("verify", certs / "rogue/server.pem", "--trust", certs / "rogue/ca.pem", "--name", "localhost")
    assert control.code == ExitCode.YES


def test_verify_checks_the_lists_beside_the_anchor(certs: Path, cli: Command) -> None:
    assert "passed    revocation" in cli("verify", certs / "server.pem", "--dir", certs).out


def test_verify_of_a_client_needs_the_purpose(certs: Path, cli: Command) -> None:
    client = certs / "client.pem"
    assert cli("verify", client, "--dir", certs).code == ExitCode.NO
    assert cli("verify", client, "--dir", certs, "--purpose", "client").code == ExitCode.YES


def test_a_hostile_certificate_does_not_drive_the_terminal(fresh: Path, cli: Command) -> None:
    (fresh / "a.test.pem").write_bytes(pem(hostile(EVIL)))
    evil = fresh / "a.test.pem"
    for answer in (
        cli("show", evil), cli("list", "--dir", fresh), cli("verify", evil, "--dir", fresh, "--name", "x.test"),
        cli("diff", evil, fresh / "root.pem"),
    ):  # fmt: skip
        assert answer.out
        assert all(line.isprintable() for line in (answer.out + answer.err).splitlines())


# JSON ---------------------------------------------------------------------------------------------------------------


def test_list_json_has_exactly_the_keys_of_its_schema(certs: Path, cli: Command) -> None:
    content = parsed(cli("list", "--dir", certs, "--json"))
    assert content.keys() == {"schema", "certificates"}
    keys = ["serial", "names", "file", "not_before", "not_after", "status", "issuer"]
    assert all(list(each) == keys for each in content["certificates"])


def test_list_json_says_what_openssl_says(certs: Path, cli: Command) -> None:
    for each in parsed(cli("list", "--dir", certs, "--json"))["certificates"]:
        shown = run(tool("openssl"), "x509", "-in", certs / each["file"], "-noout", "-serial", "-dateopt", "iso_8601",
                    "-dates", "-issuer", "-nameopt", "RFC2253").stdout  # fmt: skip
        openssls = dict(line.split("=", 1) for line in shown.splitlines())
        assert int(each["serial"], 16) == int(openssls["serial"], 16)
        assert each["not_before"] == openssls["notBefore"].replace(" ", "T")
        assert each["not_after"] == openssls["notAfter"].replace(" ", "T")
        assert each["issuer"] == openssls["issuer"]


def test_list_json_of_an_empty_folder_is_an_empty_list(tmp_path: Path, cli: Command) -> None:
    assert parsed(cli("list", "--dir", tmp_path, "--json"))["certificates"] == []


def test_init_and_issue_json_name_the_files_that_are_there(tmp_path: Path, cli: Command) -> None:
    minted = parsed(cli("init", "--dir", tmp_path, "--json"))
    assert set(minted["files"]) == files(tmp_path) == TREE
    issued = parsed(cli("issue", "a.test", "--san", "b.test", "--dir", tmp_path, "--json"))
    assert set(issued["files"]) == {"a.test.pem", "a.test.key"}
    assert issued["names"] == ["a.test", "b.test"]
    for each in (minted, issued):
        assert RFC_3339.fullmatch(each["not_before"]) and RFC_3339.fullmatch(each["not_after"])


def test_verify_json_tells_the_verdict_and_its_checks(certs: Path, cli: Command) -> None:
    good = parsed(cli("verify", certs / "server.pem", "--dir", certs, "--name", "localhost", "--json"))
    rogue = parsed(cli("verify", certs / "rogue/server.pem", "--dir", certs, "--name", "localhost", "--json"))
    assert (good["accepted"], good["reason"], len(good["chain"])) == (True, None, 3)
    assert (rogue["accepted"], rogue["chain"]) == (False, [])
    assert rogue["reason"] == next(check["detail"] for check in rogue["checks"] if check["result"] == "failed")


def test_diff_json_names_the_fields_that_differ(certs: Path, cli: Command) -> None:
    content = parsed(cli("diff", certs / "root.pem", certs / "rogue/ca.pem", "--json"))
    assert content["different"] == ["serial number", "public key", "signature"]


def test_show_json_has_rows_and_no_secret(certs: Path, cli: Command) -> None:
    content = parsed(cli("show", certs / "server.key", "--json"))
    assert [row["label"] for row in content["objects"][0]["rows"]] == ["type", "public key", "x", "y"]


# Options ------------------------------------------------------------------------------------------------------------


def test_san_replaces_the_default_names(tmp_path: Path, cli: Command) -> None:
    content = parsed(cli("init", "--dir", tmp_path, "--san", "shop.test", "--san", "10.0.0.1", "--json"))
    assert content["names"] == ["shop.test", "10.0.0.1"]


def test_the_name_of_the_authority_stands_in_its_subject(tmp_path: Path, cli: Command) -> None:
    assert cli("init", "--dir", tmp_path, "--name", "Ann's CA, Ltd.").code == 0
    subject = first(tmp_path / "root.pem").subject
    organization = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)[0].value
    assert organization == "Ann's CA, Ltd."


def test_days_beyond_the_issuers_are_cut_and_it_is_said(tmp_path: Path, cli: Command) -> None:
    answer = cli("init", "--dir", tmp_path, "--days", "36500")
    assert answer.code == 0
    assert "never outlives its issuer" in answer.err


def test_pki_dir_is_respected_and_dir_goes_before_it(
    tmp_path: Path, certs: Path, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKI_DIR", str(tmp_path))
    assert parsed(cli("list", "--json"))["certificates"] == []
    assert len(parsed(cli("list", "--json", "--dir", certs))["certificates"]) == 6


@pytest.mark.parametrize("words", [[], ["init"], ["issue"], ["list"], ["show"], ["diff"], ["verify"]], ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_help_everywhere(cli: Command, words: list[str], flag: str) -> None:
    answer = cli(*words, flag)
    assert answer.code == 0
    assert answer.out.startswith("Usage: pki")


def test_no_arguments_show_the_help_as_wrong_usage(cli: Command) -> None:
    answer = cli()
    assert answer.code == ExitCode.USAGE
    assert "Usage: pki" in answer.err


@pytest.mark.parametrize("words", ["--help", "init --help", "issue --help", "verify --help"])
def test_help_imports_nothing_that_is_slow(words: str) -> None:
    script = (
        "import atexit, sys\n"
        "slow = {'cryptography', 'ssl', 'jinja2', 'trustme', 'idna', 'tlsdemo'}\n"
        "atexit.register(lambda: print('loaded:', *sorted(slow & set(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['pki', *{words!r}.split()]\n"
        "from pki.__main__ import main\n"
        "main()\n"
    )
    done = run(sys.executable, "-c", script)
    assert done.returncode == 0
    assert done.stderr == "loaded:\n"


def test_the_installed_script_is_the_module(certs: Path) -> None:
    assert json.loads(pki("list", "--dir", certs, "--json").stdout)["schema"] == 2


# Wrong usage is 2 ---------------------------------------------------------------------------------------------------

WRONG = [
    "no-such-command", "list --no-such-option", "init --key-type dsa", "init --days 0", "init --days -1",
    "init --days 36501", "init --days soon", "init --san a_b.test", "init --san localhost:443", "init a..b",
    "issue", "issue *", "issue a..b", "issue a.test --san 256.1.1.1", "show", "diff one", "verify",
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage_is_2_with_a_hint_and_writes_nothing(
    tmp_path: Path, cli: Command, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_error(cli(*words.split()), ExitCode.USAGE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    ["", " ", "x" * 51, "é" * 40, "é" * 26, "漢" * 17, "😀" * 13, "\x1b[2J", "a\nb", "\udcff", "\ud800"],
    ids=ascii,
)
def test_a_nonsense_name_for_an_authority_is_wrong_usage(tmp_path: Path, cli: Command, name: str) -> None:
    assert_error(cli("init", "--dir", tmp_path / "certs", "--name", name), ExitCode.USAGE)


@pytest.mark.parametrize("name", ["x" * 50, "é" * 25, "漢" * 16, "😀" * 12])
def test_the_longest_names_for_an_authority_fit(tmp_path: Path, cli: Command, name: str) -> None:
    assert cli("init", "--dir", tmp_path / "certs", "--name", name).code == 0
    assert name in first(tmp_path / "certs" / "intermediate.pem").subject.rfc4514_string()


@given(st.text(max_size=60))
def test_what_may_be_an_authoritys_name_can_be_written(name: str) -> None:
    try:
        arguments.authority_name(name)
    except Problem as problem:
        assert problem.code is ExitCode.USAGE
        return
    for part in ("root", "intermediate"):
        authority.authority_name(name, part)  # the library raises ValueError for a name that is too long


@pytest.mark.parametrize("name", ["*.a.test", "a_b", "", "a.test:443", "ann@", "an n@a.test"])
def test_a_nonsense_name_to_verify_is_wrong_usage(certs: Path, cli: Command, name: str) -> None:
    assert_error(cli("verify", certs / "server.pem", "--dir", certs, "--name", name), ExitCode.USAGE)


# What cannot be done is 3 -------------------------------------------------------------------------------------------


@pytest.fixture
def bad(tmp_path: Path) -> dict[str, Path]:
    """Files that are not certificates, by what is wrong with them."""
    place = {name: tmp_path / name for name in ("missing", "folder", "fifo", "huge", "garbage", "empty", "loop")}
    place["folder"].mkdir()
    os.mkfifo(place["fifo"])
    place["huge"].write_bytes(bytes(2_000_000))
    place["garbage"].write_bytes(b"\xff" * 200)
    place["empty"].write_bytes(b"")
    place["loop"].symlink_to(place["loop"])
    place["zero"] = Path("/dev/zero")
    place["below-file"] = place["garbage"] / "x"
    return place


BAD = ["missing", "folder", "fifo", "huge", "garbage", "empty", "loop", "zero", "below-file"]


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("command", ["show", "verify", "diff"])
def test_a_file_that_cannot_be_read_is_3(
    certs: Path, bad: dict[str, Path], cli: Command, command: str, what: str
) -> None:
    more: dict[str, list[str | Path]] = {"show": [], "verify": ["--dir", certs], "diff": [certs / "root.pem"]}
    answer = cli(command, bad[what], *more[command])
    assert answer.code == ExitCode.CANNOT
    assert answer.err.startswith("error: ")
    assert str(bad[what]) in answer.err


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("option", ["--trust", "--crl"])
def test_an_anchor_or_list_that_cannot_be_read_is_3(
    certs: Path, bad: dict[str, Path], cli: Command, option: str, what: str
) -> None:
    answer = cli("verify", certs / "server.pem", "--dir", certs, option, bad[what])
    assert answer.code == ExitCode.CANNOT
    assert answer.err.startswith("error: ")


@pytest.mark.parametrize("what", BAD)
def test_every_error_has_a_hint(certs: Path, bad: dict[str, Path], cli: Command, what: str) -> None:
    assert_error(cli("show", bad[what]), ExitCode.CANNOT)
    assert_error(cli("diff", bad[what], certs / "root.pem"), ExitCode.CANNOT)


def test_commands_without_a_pki_point_to_init(tmp_path: Path, cli: Command) -> None:
    directory = tmp_path / "none"
    for words in (["issue", "a.test"], ["list"]):
        assert_error(cli(*words, "--dir", directory), ExitCode.CANNOT, f"pki init --dir {directory}")
    assert not directory.exists()


def test_a_key_of_another_certificate_is_told_with_both(fresh: Path, cli: Command) -> None:
    (fresh / "intermediate.key").write_bytes((fresh / "server.key").read_bytes())
    before = snapshot(fresh)
    answer = cli("issue", "a.test", "--dir", fresh)
    assert_error(answer, ExitCode.CANNOT, "does not belong to", "certificate: public key", "key file: ")
    assert snapshot(fresh) == before


@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["empty", "garbage", "missing"])
@pytest.mark.parametrize("file", ["intermediate.pem", "intermediate.key"])
def test_a_damaged_authority_is_3_and_changes_nothing(
    fresh: Path, cli: Command, file: str, damage: bytes | None
) -> None:
    (fresh / file).unlink()
    if damage is not None:
        (fresh / file).write_bytes(damage)
    before = snapshot(fresh)
    assert_error(cli("issue", "a.test", "--dir", fresh), ExitCode.CANNOT, file)
    assert snapshot(fresh) == before


def test_a_certificate_of_an_unknown_version_is_3(tmp_path: Path, cli: Command, certs: Path) -> None:
    der = first(certs / "root.pem").public_bytes(Encoding.DER)
    odd = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    armoured = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(odd) + b"-----END CERTIFICATE-----\n"
    (tmp_path / "odd.pem").write_bytes(armoured)
    assert_error(cli("verify", tmp_path / "odd.pem", "--dir", certs), ExitCode.CANNOT)


@pytest.mark.parametrize("case", [*ODD_EXTENSIONS, "a key of an unknown type"])
@pytest.mark.parametrize("command", ["list", "show", "diff", "verify"])
def test_an_odd_certificate_in_the_folder_is_no_traceback(fresh: Path, cli: Command, case: str, command: str) -> None:
    file = fresh / "odd.pem"
    if case in ODD_EXTENSIONS:
        file.write_bytes(pem(assembled([], ODD_EXTENSIONS[case])))
    else:
        der = first(fresh / "server.pem").public_bytes(Encoding.DER)
        odd = der.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209"), 1)
        file.write_bytes(pem(x509.load_der_x509_certificate(odd)))
    words: dict[str, list[str | Path]] = {
        "list": ["list", "--dir", fresh],
        "show": ["show", file],
        "diff": ["diff", file, fresh / "root.pem"],
        "verify": ["verify", file, "--dir", fresh],
    }
    answer = cli(*words[command])
    assert answer.code == (ExitCode.NO if command == "verify" else ExitCode.YES)


@pytest.mark.parametrize("moment", ["2031-12-01", "2020-01-01"], ids=["expired", "before-its-birth"])
def test_a_wrong_clock_is_told_and_nothing_is_issued(tmp_path: Path, moment: str) -> None:
    directory = mint(tmp_path / "certs")
    done = run(tool("faketime"), moment, sys.executable, "-m", "pki", "issue", "a.test", "--dir", directory)
    assert done.returncode == ExitCode.CANNOT
    assert done.stderr.startswith("error: ") and "hint: " in done.stderr
    assert files(directory) == TREE


# Output that cannot be written --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["list", "init --json", "show {}/root.pem", "--help"])
def test_a_full_disk_behind_stdout_is_3(tmp_path: Path, certs: Path, words: str) -> None:
    environment = {**os.environ, "PKI_DIR": str(tmp_path / "new" if "init" in words else certs)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pki", *words.format(certs).split()], stdout=full, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True, check=False, env=environment,
        )  # fmt: skip
    assert done.returncode == ExitCode.CANNOT
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("words", ["list", "show {}/server.pem"])
def test_a_reader_that_has_gone_is_no_traceback(certs: Path, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pki", *words.format(certs).split()], stdout=writer, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True, check=False, env={**os.environ, "PKI_DIR": str(certs)},
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == ExitCode.CANNOT
    assert done.stderr == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_traceback(certs: Path, closed: str) -> None:
    done = run("sh", "-c", f'exec "$0" -m pki list --dir "$1" {closed}', sys.executable, certs)
    assert "Traceback" not in done.stderr
    assert done.returncode in (ExitCode.YES, ExitCode.CANNOT)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", ["show {}/root.pem", "diff {0}/root.pem {0}/rogue/ca.pem", "verify {}/server.pem"])
def test_a_terminal_without_unicode_gets_no_traceback(certs: Path, words: str, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PKI_DIR": str(certs)}
    done = pki(*words.format(certs).split(), env=environment, encoding=encoding)
    assert "Traceback" not in done.stderr
    assert done.returncode == ExitCode.YES


def test_a_file_whose_name_is_not_unicode_can_be_judged(certs: Path, tmp_path: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b"\xff.pem")
    Path(os.fsdecode(odd)).write_bytes((certs / "server.pem").read_bytes())
    command = [sys.executable, "-m", "pki", "verify", os.fsdecode(odd), "--dir", str(certs)]
    for more in ((), ("--json",)):
        done = subprocess.run([*command, *more], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        assert b"Traceback" not in done.stderr
        assert done.returncode == ExitCode.YES


def test_show_reads_standard_input(certs: Path) -> None:
    with (certs / "root.pem").open() as stdin:
        assert "certificate " in pki("show", "-", stdin=stdin).stdout
    with Path("/dev/zero").open() as stdin:
        assert pki("show", "-", stdin=stdin).returncode == ExitCode.CANNOT


# Ctrl-C -------------------------------------------------------------------------------------------------------------


def test_ctrl_c_while_keys_are_made_is_130_and_leaves_nothing(tmp_path: Path) -> None:
    # The child prints a line when it starts to generate its first key; then the signal is sent.
    script = (
        "import sys\n"
        "from pki import keys\n"
        "from pki.__main__ import main\n"
        "generate = keys.generate\n"
        "def told(key_type):\n"
        "    print('begun', flush=True)\n"
        "    return generate(key_type)\n"
        "keys.generate = told\n"
        f"sys.argv = ['pki', 'init', '--key-type', 'rsa-4096', '--dir', {str(tmp_path / 'certs')!r}]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    child.send_signal(signal.SIGINT)
    _, complaint = child.communicate(timeout=60)
    assert child.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in complaint
    assert not (tmp_path / "certs").exists() or files(tmp_path / "certs") == set()
    assert pki("init", "--dir", tmp_path / "certs").returncode == 0
    assert_store_is_healthy(tmp_path / "certs")


def test_the_fingerprint_is_the_one_that_openssl_prints(cli: Command, certs: Path) -> None:
    """It is what the advice of `diff` tells a person to compare."""
    expected = {}
    for name in ("root.pem", "rogue/ca.pem"):
        printed = run(tool("openssl"), "x509", "-in", certs / name, "-noout", "-fingerprint", "-sha256").stdout
        expected[name] = printed.partition("=")[2].strip().replace(":", "").lower()
        assert expected[name] in cli("show", certs / name).out.replace("\n" + " " * 23, "")
    rows = json.loads(cli("show", certs / "root.pem", "--json").out)["objects"][0]["rows"]
    (value,) = [row["value"] for row in rows if row["label"] == "fingerprint"]
    assert value == f"SHA-256 {expected['root.pem']}"
    compared = cli("diff", certs / "root.pem", certs / "rogue/ca.pem")
    assert all(each in compared.out for each in expected.values())
    found = json.loads(cli("diff", certs / "root.pem", certs / "rogue/ca.pem", "--json").out)
    assert (found["one_sha256"], found["other_sha256"]) == tuple(expected.values())
    assert "fingerprint" not in found["different"]
