"""`tlsdemo check-client` as a user runs it. Falsehoods caught: an exit code that says something else than the report,
a report that is lost with the output, a traceback, and anything that is left behind after Ctrl-C.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pki.publish import accept
from tests.conftest import Command, mint, tlsdemo, tool
from tests.peers.support import PROMPT, Background
from tests.tlsdemo.lab.trying import CURL, bearing, python, wait_until
from tlsdemo.cli import check_client as commands
from tlsdemo.lab import tester as checking
from tlsdemo.lab.presets import PRESETS
from tlsdemo.net import address

CHECK = "check-client"
GOOD_ONLY = ("--case", "good")
CARELESS = ("curl", "-sSk", "{url}")


@pytest.fixture(autouse=True)
def curl() -> str:
    return tool("curl")


@pytest.fixture
def check(cli: Command, tester: checking.Tester, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`tlsdemo` in this process, with the lab that is open already."""

    @contextmanager
    def _open(*_: object) -> Iterator[checking.Tester]:
        yield replace(tester)

    monkeypatch.setattr(commands, "_open", _open)
    return cli


def findings(out: str) -> dict[str, dict[str, Any]]:
    document = json.loads(out)
    assert document["schema"] == 2
    return {each["case"]: each for each in document["findings"]}


# What comes out -------------------------------------------------------------------------------------------------------


def test_a_client_that_does_as_it_must_is_0(check: Command) -> None:
    ended = check(CHECK, "--case", "expired,self-signed", "--case", "wrong.host", "--", *CURL)
    assert ended.code == 0
    assert ended.out.startswith("TLS client report")
    assert "Exit code 0" in ended.out
    for case in ("good", "untrusted-root", "expired", "self-signed", "wrong-host"):
        assert f"  {case} " in ended.out
    assert ended.err == ""


def test_the_dashes_may_be_left_out_and_its_options_stay_its_own(check: Command) -> None:
    ended = check(CHECK, "--json", *GOOD_ONLY, "curl", "--silent", "--json", "{}", "{url}")
    assert findings(ended.out)["good"]["verdict"] == "accepted"


def test_a_client_that_accepts_anything_is_1_and_the_report_opens_with_it(check: Command) -> None:
    ended = check(CHECK, "--case", "expired,wrong-host,self-signed,bad-signature", "--", *CARELESS)
    assert ended.code == 1
    assert ended.out.startswith("1 defect in this client")
    assert ended.out.splitlines()[2] == "1. It accepts any certificate. (5 cases)"
    assert "Remove --insecure (-k)" in ended.out
    document = check(CHECK, "--json", "--case", "expired,wrong-host", "--", *CARELESS)
    assert document.code == 1
    found = findings(document.out)
    assert json.loads(document.out)["checks_no_chain"] is True
    assert (found["expired"]["verdict"], found["wrong-host"]["verdict"]) == ("accepted", "accepted")


def test_a_client_that_refuses_what_is_good_is_3_in_its_own_words(check: Command, tmp_path: Path) -> None:
    other = mint(tmp_path / "certs") / "root.pem"
    ended = check(CHECK, "--case", "expired", "--", "curl", "-sS", "--cacert", other, "{url}")
    assert ended.code == 3
    assert ended.out.startswith("Inconclusive")
    assert "unable to get local issuer certificate" in " ".join(ended.out.split())
    assert "Grade" not in ended.out


def lenient_python(tester: checking.Tester, *accepted: str) -> tuple[str, ...]:
    """One that takes these besides what is good."""
    ports = "|".join(str(tester.lab.ports[each]) for each in accepted)
    return ("sh", "-c", f"case {{port}} in {ports}) exec curl -sSk {{url}};; *) exec curl -sS {{url}};; esac")


@pytest.mark.parametrize(
    ("case", "codes"),
    [("leaf-signs-leaf", (1, 1, 1)), ("ku-rsa-encipher-only", (0, 1, 1)), ("ca-as-leaf", (0, 0, 1))],
    ids=["must", "weak", "informational"],
)
def test_fail_on_says_from_where_on_a_finding_counts(
    check: Command, tester: checking.Tester, case: str, codes: tuple[int, ...]
) -> None:
    command = lenient_python(tester, case)
    for fail_on, code in zip(("must", "weak", "informational"), codes, strict=True):
        ended = check(CHECK, "--case", case, "--fail-on", fail_on, "--json", "--", *command)
        assert findings(ended.out)[case]["verdict"] == "accepted"
        assert (fail_on, ended.code) == (fail_on, code)


def test_timeout_is_respected_and_told(check: Command, tester: checking.Tester) -> None:
    hangs = f"case {{port}} in {tester.lab.ports['expired']}) exec sleep 99;; *) exec curl -sS {{url}};; esac"
    ended = check(CHECK, "--case", "expired", "--timeout", "3.5", "--json", "--", "sh", "-c", hangs)
    assert ended.code == 3
    found = findings(ended.out)["expired"]
    assert (found["verdict"], found["exit_code"]) == ("inconclusive", None)
    assert "3.5 s" in found["did"]
    assert 3.5 <= found["seconds"] < PROMPT


def test_a_command_in_other_than_utf_8_that_prints_rubbish_is_reported(check: Command, tmp_path: Path) -> None:
    rubbish = r"printf '\033[31m\377\000\n' >&2; : " + os.fsdecode(b"\xff") + "; exec curl -sS {url}"
    files = [tmp_path / name for name in ("a.xml", "a.sarif", "a.html")]
    options = ("--junit", files[0], "--sarif", files[1], "--html", files[2])
    for form in ((), ("--json",)):
        ended = check(CHECK, "--case", "expired", *form, *options, "--", "sh", "-c", rubbish)
        assert ended.code == 0
        assert "\x1b" not in ended.out + ended.err
    for each in files:
        assert "\x1b" not in each.read_text()


# Reports in files -----------------------------------------------------------------------------------------------------


def test_reports_are_written_beside_the_one_that_is_printed(check: Command, tmp_path: Path) -> None:
    junit, sarif, html = tmp_path / "r.xml", tmp_path / "r.sarif", tmp_path / "r.html"
    ended = check(
        CHECK,
        "--case",
        "expired,wrong-host",
        "--json",
        "--junit",
        junit,
        "--sarif",
        sarif,
        "--html",
        html,
        "--",
        *CARELESS,
    )
    assert ended.code == 1
    names = set(findings(ended.out))
    suites = xml.etree.ElementTree.parse(junit)
    tests = [str(each.get("name")) for each in suites.iter("testcase")]
    assert all(any(name in test for test in tests) for name in names)
    assert list(suites.iter("failure"))
    log = json.loads(sarif.read_text())
    assert log["version"] == "2.1.0"
    assert {"untrusted-root", "wrong-host"} <= {each["ruleId"] for each in log["runs"][0]["results"]}
    assert html.read_text().lower().startswith("<!doctype html>")
    assert "wrong-host" in html.read_text()


def test_a_report_that_cannot_be_written_is_said_before_the_run(check: Command, tmp_path: Path) -> None:
    nowhere, html = tmp_path / "no" / "such" / "folder.xml", tmp_path / "r.html"
    for junit in (nowhere, tmp_path, Path("/proc/self/nothing.xml")):
        ended = check(CHECK, "--case", "expired", "--junit", junit, "--html", html, "--", *CARELESS)
        assert (ended.code, ended.out) == (3, "")
        assert "cannot write" in ended.err and "hint:" in ended.err
        assert not html.exists()


def test_a_report_on_a_full_disk_loses_nothing_else(check: Command, tmp_path: Path) -> None:
    html = tmp_path / "r.html"
    ended = check(CHECK, *GOOD_ONLY, "--json", "--junit", "/dev/full", "--html", html, "--", *CURL)
    assert ended.code == 3
    assert "cannot write /dev/full" in ended.err and "hint:" in ended.err
    assert findings(ended.out)["good"]["verdict"] == "accepted"
    assert html.exists()


# What was known before ------------------------------------------------------------------------------------------------


def test_a_case_that_is_excepted_is_listed_with_its_reason_and_does_not_fail(check: Command) -> None:
    few = ("--case", "expired,wrong-host", "--", *CARELESS)
    excepted = (
        "--except",
        "expired=a device with a broken clock",
        "--except",
        "wrong.host",
        "--except",
        "untrusted-root",
    )
    ended = check(CHECK, *excepted, *few)
    assert ended.code == 0
    assert "Known findings, not counted: 3" in ended.out
    assert "expired (accepted), by --except: a device with a broken clock" in ended.out
    assert "besides 3 known findings" in " ".join(ended.out.split())
    document = json.loads(check(CHECK, "--json", *excepted, *few).out)
    known = {each["case"]: each for each in document["known"]}
    assert known["expired"]["reason"] == "a device with a broken clock"
    assert known["wrong-host"]["found"] is True
    assert check(CHECK, *excepted[:2], *few).code == 1


def test_what_is_excepted_and_not_there_is_said(check: Command) -> None:
    ended = check(CHECK, "--case", "expired", "--except", "expired", "--", *CURL)
    assert ended.code == 0
    assert "Known findings that did not occur: 1" in ended.out
    assert "expired: remove it from --except" in ended.out


def test_an_exception_for_a_case_that_there_is_not_is_2(check: Command) -> None:
    ended = check(CHECK, *GOOD_ONLY, "--except", "expire=why", "--", *CURL)
    assert ended.code == 2
    assert "unknown case 'expire'" in ended.err


def test_a_baseline_holds_old_findings_back_and_no_new_ones(check: Command, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    cases = ("--case", "expired,wrong-host")
    assert check(CHECK, *cases, "--write-baseline", file, "--", *CARELESS).code == 1
    written = json.loads(file.read_text())
    assert (written["schema"], {each["case"] for each in written["findings"]}) == (
        2, {"untrusted-root", "expired", "wrong-host"},
    )  # fmt: skip
    assert check(CHECK, *cases, "--baseline", file, "--", *CARELESS).code == 0
    new = check(CHECK, "--case", "expired,wrong-host,self-signed", "--baseline", file, "--", *CARELESS)
    assert new.code == 1
    assert "it accepts 1 case of severity must that it should refuse, besides 3 known findings" in " ".join(
        new.out.split()
    )
    gone = check(CHECK, *cases, "--baseline", file, "--", *CURL)
    assert gone.code == 0
    assert "Known findings that did not occur: 3" in gone.out


def test_another_way_to_accept_is_a_new_finding(check: Command, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    retry = ("sh", "-c", "curl -sS {url} || curl -sSk {url}")
    check(CHECK, "--case", "expired", "--write-baseline", file, "--", *retry)
    assert check(CHECK, "--case", "expired", "--baseline", file, "--", *retry).code == 0
    assert check(CHECK, "--case", "expired", "--baseline", file, "--", *CARELESS).code == 1


def test_a_baseline_may_be_read_and_written_in_one_run(check: Command, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    check(CHECK, "--case", "expired", "--write-baseline", file, "--", *CARELESS)
    ended = check(CHECK, "--case", "expired", "--baseline", file, "--write-baseline", file, "--", *CURL)
    assert ended.code == 0
    assert json.loads(file.read_text())["findings"] == []


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not json", b"[]", b"{}", b'{"schema": 2, "findings": [1]}', b"\xff\xfe", b"[" * 100_000,
        b'{"schema": 2, "findings": [{"case": "expired"}]}', b'{"schema": 99, "findings": []}',
    ],
)  # fmt: skip
def test_a_baseline_that_is_none_is_3_with_what_is_wrong(check: Command, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(content)
    ended = check(CHECK, *GOOD_ONLY, "--baseline", file, "--", *CURL)
    assert ended.code == 3
    assert "is not a baseline" in ended.err and "hint:" in ended.err
    assert check(CHECK, *GOOD_ONLY, "--baseline", tmp_path / "none.json", "--", *CURL).code == 3


def test_no_baseline_is_written_of_a_client_that_accepts_nothing(check: Command, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    ended = check(CHECK, *GOOD_ONLY, "--write-baseline", file, "--", "true", "{url}")
    assert ended.code == 3
    assert not file.exists()


# Several clients ------------------------------------------------------------------------------------------------------

COMPARED = ("curl", "openssl-strict", "python-urllib", "openssl")


@pytest.fixture
def openssl() -> str:
    return tool("openssl")


@pytest.mark.usefixtures("openssl")
def test_clients_are_compared_on_the_same_cases(check: Command) -> None:
    ended = check(CHECK, "--compare", "--case", "expired,wrong-host", *COMPARED)
    assert ended.code == 0
    for name in COMPARED:
        assert name in ended.out
    row = next(line for line in ended.out.splitlines() if "expired" in line)
    assert row.split()[-4:] == ["r", "r", "r", "A"]
    assert row.split()[0] == "*"


@pytest.mark.usefixtures("openssl")
def test_a_comparison_as_json_and_as_markdown(check: Command) -> None:
    ended = check(CHECK, "--compare", "--json", "--case", "expired", *COMPARED)
    document = json.loads(ended.out)
    assert (ended.code, document["schema"]) == (0, 2)
    assert all(name in ended.out for name in COMPARED)
    ended = check(CHECK, "--compare", "--markdown", "--case", "expired", *COMPARED)
    assert ended.code == 0
    assert any(line.startswith("| expired") for line in ended.out.splitlines())


def test_a_named_preset_that_is_not_here_is_told_and_3_and_the_others_run(
    check: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "curl").symlink_to(tool("curl"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = check(CHECK, "--compare", "--case", "expired", "curl", "wget")
    assert ended.code == 3
    assert "wget needs the program wget" in " ".join(ended.out.split())
    assert "1 client on" in ended.out
    ended = check(CHECK, "--compare", "--json", "--case", "expired", "curl", "wget")
    assert ended.code == 3
    assert "wget" in json.dumps(json.loads(ended.out))


def test_a_preset_that_fails_in_the_middle_leaves_the_others_their_turn(
    check: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(PRESETS["python-urllib"], command=("/no/such/program", "{url}"))
    monkeypatch.setitem(PRESETS, "python-urllib", broken)
    ended = check(CHECK, "--compare", "--case", "expired", "python-urllib", "curl")
    assert ended.code == 3
    assert "cannot run /no/such/program" in ended.out
    assert "1 client on" in ended.out


def test_without_names_those_are_compared_that_are_here(
    check: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "curl").symlink_to(tool("curl"))
    monkeypatch.setenv("PATH", str(tmp_path))
    some = {name: PRESETS[name] for name in ("curl", "wget", "python-urllib", "go")}
    monkeypatch.setattr(commands, "PRESETS", some)
    ended = check(CHECK, "--compare", *GOOD_ONLY)
    assert ended.code == 0
    assert "2 clients on" in ended.out


# Usage ----------------------------------------------------------------------------------------------------------------


def never_opens(*_: object) -> Iterator[checking.Tester]:
    pytest.fail("a lab was opened for what is wrong usage anyway")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no client is named"),
        (("--case", "expired", "--all", "--", *CURL), "--case and --all"),
        (("--markdown", "--", *CURL), "--markdown needs --compare"),
        (("--compare", "--markdown", "--json"), "--markdown"),
        (("--compare", "--junit", "x.xml"), "exclude --compare"),
        (("--compare", "--html", "x.html"), "exclude --compare"),
        (("--compare", "--sarif", "x.json"), "exclude --compare"),
        (("--compare", "--baseline", "x.json", "curl"), "--baseline"),
        (("--compare", "--except", "expired", "curl"), "--except"),
        (("--compare", "curl", "nosuch"), "unknown preset 'nosuch'"),
        (("--fail-on", "weakly", "--", *CURL), "weakly"),
        (("--timeout", "0", "--", *CURL), "--timeout"),
        (("--timeout", "-1", "--", *CURL), "--timeout"),
        (("--timeout", "nan", "--", *CURL), "--timeout"),
        (("--timeout", "soon", "--", *CURL), "--timeout"),
        (("--jobs", "0", "--", *CURL), "--jobs"),
        (("--jobs", "many", "--", *CURL), "--jobs"),
        (("--nosuch", "--", *CURL), "--nosuch"),
        (("--", "curl", "https://localhost/"), "has no placeholder for"),
        (("--", ""), "has no placeholder for"),
        (("nosuchpreset",), "has no placeholder for"),
    ],
)
def test_wrong_usage_is_2_before_any_lab_is_opened(
    cli: Command, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_open", contextmanager(never_opens))
    ended = cli(CHECK, *words)
    assert ended.code == 2
    assert said in ended.err
    assert "hint:" in ended.err
    assert ended.out == ""


def test_a_case_that_there_is_not_is_2_with_what_is_alike(check: Command) -> None:
    for form in ((), ("--compare",)):
        ended = check(CHECK, *form, "--case", "expire", *(("curl",) if form else ("--", *CURL)))
        assert ended.code == 2
        assert "unknown case 'expire'" in ended.err
        assert "expired" in ended.err


def test_a_program_that_is_missing_is_3(cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(commands, "_open", contextmanager(never_opens))
    ended = cli(CHECK, "--", "no-such-program-anywhere", "{url}")
    assert ended.code == 3
    assert "'no-such-program-anywhere' is not an executable program" in ended.err and "hint:" in ended.err
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = cli(CHECK, "wget")
    assert ended.code == 3
    assert "wget needs the program wget" in ended.err and "install wget" in ended.err


def test_presets_are_listed_with_what_they_lack(cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "curl").symlink_to(tool("curl"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = cli(CHECK, "--presets")
    assert ended.code == 0
    lines = dict(line.split(None, 1) for line in ended.out.splitlines())
    assert set(lines) == set(PRESETS)
    assert lines["curl"] == "can run here"
    assert lines["java"] == "java needs the program java, which is not installed"
    document = json.loads(cli(CHECK, "--presets", "--json").out)
    assert document["schema"] == 2
    rows = {each["preset"]: each for each in document["presets"]}
    assert rows["curl"] == {"preset": "curl", "command": list(PRESETS["curl"].command), "missing": None}
    assert "needs the program java" in rows["java"]["missing"]


# As a process of its own ----------------------------------------------------------------------------------------------


def left_over(folder: Path) -> list[str]:
    """What lies in TMPDIR."""
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def ports_of(out: Path) -> list[int]:
    return [int(line) for line in out.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "4"])
def test_an_interrupt_leaves_no_process_no_port_and_no_file(tmp_path: Path, number: int, jobs: str) -> None:
    """In the middle of a run, with clients that hang and with one that has run away; a second one comes at once."""
    mark, ports, folder = f"interrupted-{os.getpid()}-{tmp_path.name}", tmp_path / "ports", tmp_path / "tmp"
    folder.mkdir()
    hangs = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "done = os.path.exists(sys.argv[2])\n"
        "open(sys.argv[2], 'a').write(sys.argv[1] + '\\n')\n"
        "if subprocess.run(['curl', '-s', '-o', '/dev/null', sys.argv[3]]).returncode and done:\n"
        "    subprocess.Popen(['sleep', '999'], start_new_session=True)\n"
        "    print('hangs', flush=True); open(sys.argv[2] + '.hangs', 'a').write('x'); time.sleep(999)\n"
    )
    started = Background(
        sys.executable, "-m", "tlsdemo", CHECK, "--case", "expired,self-signed,wrong-host,rsa1024,sha1-leaf",
        "--timeout", "60", "--jobs", jobs, "--", *python(hangs, "{port}", str(ports), "{url}"),
        environment={"TRIAL": mark, "TMPDIR": str(folder)},
    )  # fmt: skip
    try:
        hanging = tmp_path / "ports.hangs"
        wait_for_size(hanging, 1)
        # Otherwise nothing would be left anyway. The environment of a process is not there at once after exec().
        wait_until(lambda: len(bearing(f"TRIAL={mark}")) >= 3)
        assert left_over(folder)
        started.signal(number)
        started.signal(number)
        assert started.wait() == 130
    finally:
        started.kill()
    assert started.out == []
    assert started.err == []
    assert bearing(f"TRIAL={mark}") == []
    assert left_over(folder) == []
    for port in ports_of(ports):
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()


def wait_for_size(path: Path, size: int) -> None:
    wait_until(lambda: path.exists() and path.stat().st_size >= size)


def test_a_whole_run_leaves_nothing_behind(tmp_path: Path) -> None:
    mark, folder = f"whole-{os.getpid()}", tmp_path / "tmp"
    folder.mkdir()
    environment = {**os.environ, "TRIAL": mark, "TMPDIR": str(folder)}
    daemon = "setsid sleep 999 </dev/null >/dev/null 2>&1 & exec curl -sS {url}"
    ended = tlsdemo(CHECK, "--case", "expired", "--", "sh", "-c", daemon, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert bearing(f"TRIAL={mark}") == []
    assert left_over(folder) == []


@pytest.mark.parametrize("how", ["full", "closed", "nobody reads"])
def test_output_that_cannot_be_written_is_3_without_a_traceback_and_the_files_are_written(
    how: str, tmp_path: Path
) -> None:
    html = tmp_path / "r.html"
    words = (sys.executable, "-m", "tlsdemo", CHECK, *GOOD_ONLY, "--html", str(html), "--json", "--", *CURL)
    if how == "full":
        with open("/dev/full", "w") as full:
            ran = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    elif how == "closed":
        ran = subprocess.run(
            ("sh", "-c", 'exec "$@" >&-', "sh", *words), stderr=subprocess.PIPE, text=True, check=False
        )
    else:
        reader, writer = os.pipe()
        os.close(reader)
        ran = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
    assert "Traceback" not in ran.stderr
    assert ran.returncode == (0 if how == "closed" else 3)  # closed by whoever started it: nobody wants to read it
    assert html.exists()


def test_where_there_is_no_ipv6_it_says_so_and_goes_on(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    bind = accept.bind

    def without_ipv6(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(97, "Address family not supported by protocol")
        return bind(host, port)

    monkeypatch.setattr(address, "bind", without_ipv6)
    ended = cli(CHECK, "--case", "expired", "--", *CURL)
    assert ended.code == 0
    assert "no ::1" in ended.err
    assert "Exit code 0" in ended.out


def test_a_progress_bar_goes_to_a_terminal_alone(tmp_path: Path) -> None:
    """stderr is a terminal here, stdout is not: what is printed has no trace of the bar."""
    ours, theirs = os.openpty()
    words = (sys.executable, "-m", "tlsdemo", CHECK, "--case", "expired", "--json", "--", *CURL)
    surrounded = {**os.environ, "TERM": "xterm"}
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=theirs, env=surrounded, text=True, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    assert ran.returncode == 0
    assert set(findings(ran.stdout)) == {"good", "untrusted-root", "expired"}
    assert b"curl" in shown
