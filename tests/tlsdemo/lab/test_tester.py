"""A client in the lab, from its first case to its report. Falsehoods caught: a verdict by exit code, a refusal that was
our own doing, a client that got another trust than ours, and jobs that disturb each other.
"""

import os
import stat
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pki.cases import CATALOGUE
from pki.errors import ExitCode, Problem
from tests.conftest import mint, tool
from tests.peers.support import DEADLINE, PROMPT
from tests.tlsdemo.lab.trying import CURL, bearing, python, tried, verdicts
from tlsdemo.findings import GOOD, SEVERITIES, UNKNOWN_CA, ClientVerdict, Report
from tlsdemo.lab import process
from tlsdemo.lab import tester as checking
from tlsdemo.lab.catalogue import CASES
from tlsdemo.lab.certificate_cases import STRICT
from tlsdemo.lab.client import own, preset
from tlsdemo.lab.process import Nursery
from tlsdemo.lab.tester import chosen

SETTINGS = checking.TestOptions("must", 60, 2)
FEW = ("expired", "wrong-host", "self-signed")
FIRST = {GOOD, UNKNOWN_CA}


@pytest.fixture(autouse=True)
def curl() -> str:
    return tool("curl")


# Which cases ----------------------------------------------------------------------------------------------------------


def chosen_ids(*cases: str, everything: bool = False) -> list[str]:
    return [each.id for each in chosen(cases, everything)]


def test_the_first_two_run_whatever_is_named() -> None:
    assert set(chosen_ids("expired")) == {*FIRST, "expired"}
    assert set(chosen_ids(GOOD)) == FIRST


def test_aliases_name_the_same_and_nothing_twice() -> None:
    assert chosen_ids("wrong.host", "wrong-host", "expired", "expired") == chosen_ids("expired", "wrong-host")


def test_without_names_those_that_every_client_must_refuse() -> None:
    ids = set(chosen_ids())
    for each in CASES.values():
        expected = each.severity == SEVERITIES[0] and not each.only_named
        assert (each.id in ids) is (expected or each.id in FIRST), each.id
    assert len(ids) > 50


def test_all_are_all_but_those_that_have_to_be_named() -> None:
    left_out = set(CASES) - set(chosen_ids(everything=True))
    assert left_out == {each.id for each in CASES.values() if each.only_named}
    assert "stall" in left_out
    assert "stall" in chosen_ids("stall")


@pytest.mark.parametrize(
    ("name", "alike"), [("expird", ""), ("expire", "expired"), ("", ""), ("EXPIRED", ""), ("*", "")]
)
def test_a_case_that_there_is_not_is_wrong_usage(name: str, alike: str) -> None:
    with pytest.raises(Problem, match="unknown case") as problem:
        chosen_ids(name)
    assert problem.value.code is ExitCode.USAGE
    assert alike in str(problem.value.hint)


# The preconditions ----------------------------------------------------------------------------------------------------


def test_who_does_not_accept_what_is_good_has_shown_nothing(tester: checking.Tester, tmp_path: Path) -> None:
    other = mint(tmp_path / "certs") / "root.pem"
    report = tried(tester, ("curl", "-sS", "--cacert", str(other), "{url}"), *FEW)
    (only,) = report.findings
    assert (only.case.id, only.verdict, only.alert) == (GOOD, ClientVerdict.REFUSED, "unknown_ca")
    assert "unable to get local issuer certificate" in only.said
    assert (report.conclusive, report.exit_code) == (False, 3)


@pytest.mark.parametrize(
    ("command", "timeout", "did"),
    [
        (("true", "{url}"), DEADLINE, "did not connect to the case's port"),
        (("sh", "-c", "kill -9 $$; : {url}"), DEADLINE, "ended by signal 9 before it connected"),
        (("sh", "-c", "sleep 99; : {url}"), 0.5, "after 0.5 s"),
        (("curl", "-sS", "--tls-max", "1.0", "{url}"), DEADLINE, ""),
    ],
)
def test_who_never_comes_or_speaks_no_tls_has_shown_nothing(
    tester: checking.Tester, command: tuple[str, ...], timeout: float, did: str
) -> None:
    report = tried(tester, command, *FEW, timeout=timeout)
    assert [each.case.id for each in report.findings] == [GOOD]
    assert did in report.findings[0].did
    assert report.findings[0].verdict is not ClientVerdict.ACCEPTED
    assert report.exit_code == 3


def test_of_a_client_that_checks_no_chain_every_case_is_run(tester: checking.Tester) -> None:
    """A guess would be wrong: it refuses a curve that it does not know, whatever it thinks of the chain."""
    before = {case: len(tester.lab.visits_of(case)) for case in tester.lab.ports}
    report = tried(tester, ("curl", "-sSk", "{url}"), *FEW, "tls-1-0-only", "leaf-signs-leaf", "null-cipher", "ec-p192")
    assert report.checks_no_chain
    assert (report.exit_code, report.grade) == (1, "F")
    assert all(len(tester.lab.visits_of(each.case.id)) > before[each.case.id] for each in report.findings)
    found = verdicts(report)
    assert {found[case] for case in (*FEW, "leaf-signs-leaf")} == {ClientVerdict.ACCEPTED}
    assert found["ec-p192"] is ClientVerdict.REFUSED


def outcomes(report: Report) -> dict[str, str]:
    """By case, with the way."""
    return {each.case.id: each.outcome for each in report.findings}


def test_a_client_that_speaks_no_tls_sends_everything_in_the_clear(tester: checking.Tester) -> None:
    report = tried(tester, ("curl", "-sS", "http://localhost:{port}/"), *FEW)
    assert set(outcomes(report).values()) == {"accepted, in the clear"}
    assert (report.grade, report.exit_code, report.checks_no_chain) == ("F", 1, False)


RETRY = "curl -sS {url} || curl -sSk {url}"
FALLBACK = "curl -sS {url} || curl -sS http://localhost:{port}/"


@pytest.mark.parametrize(
    ("command", "outcome"), [(RETRY, "accepted, on a second connection"), (FALLBACK, "accepted, in the clear")]
)
def test_what_happens_after_a_refusal_is_named_as_such(tester: checking.Tester, command: str, outcome: str) -> None:
    report = tried(tester, ("sh", "-c", command), *FEW)
    found = outcomes(report)
    assert found.pop(GOOD) == "accepted"
    assert set(found.values()) == {outcome}
    assert (report.grade, report.checks_no_chain) == ("F", False)


def test_a_client_that_crashes_has_a_finding(tester: checking.Tester) -> None:
    report = tried(tester, ("sh", "-c", "curl -sS {url} || kill -SEGV $$"), "expired")
    assert outcomes(report) == {GOOD: "accepted", UNKNOWN_CA: "crashed", "expired": "crashed"}
    assert (report.grade, report.exit_code) == ("D", 1)


def test_a_client_that_refuses_most_of_what_is_good_has_no_grade(tester: checking.Tester) -> None:
    """It takes the first certificate and no other."""
    only = (
        f"test {{port}} = {tester.lab.ports[GOOD]} && exec curl -sS {{url}}; exec curl -sS --cacert /dev/null {{url}}"
    )
    report = tried(tester, ("sh", "-c", only))
    assert len(report.refused_good) > len(report.good_ones) / 2 > 5
    assert (report.conclusive, report.graded, report.grade, report.exit_code) == (True, False, "none", 3)


def test_a_client_that_waits_for_a_greeting_is_noted(tester: checking.Tester) -> None:
    waits = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(1)"
    report = tried(tester, python(waits, "{port}"), timeout=0.5)
    (good,) = report.findings
    assert good.verdict is ClientVerdict.INCONCLUSIVE
    assert "it waits for the server to send first" in good.did


def test_who_checks_the_chain_alone_is_found_out_by_name(tester: checking.Tester) -> None:
    code = """
import ssl, sys, urllib.request
context = ssl.create_default_context(); context.check_hostname = False
print(urllib.request.urlopen(sys.argv[1], context=context).read())
"""
    report = tried(tester, python(code, "{url}"), *FEW)
    assert not report.checks_no_chain
    assert verdicts(report) == {
        GOOD: ClientVerdict.ACCEPTED, UNKNOWN_CA: ClientVerdict.REFUSED, "expired": ClientVerdict.REFUSED,
        "self-signed": ClientVerdict.REFUSED, "wrong-host": ClientVerdict.ACCEPTED,
    }  # fmt: skip
    assert report.exit_code == 1


# The verdict is what was sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 77])
@pytest.mark.parametrize(("option", "accepts"), [("-sS", False), ("-sSk", True)])
def test_a_wrapper_whose_exit_code_lies_is_judged_by_what_it_sends(
    tester: checking.Tester, code: int, option: str, accepts: bool
) -> None:
    report = tried(tester, ("sh", "-c", f"curl {option} {{url}}; exit {code}"), "wrong-host")
    assert verdicts(report)["wrong-host"].takes_it is accepts
    assert verdicts(report)[UNKNOWN_CA].takes_it is accepts
    assert {each.exit_code for each in report.findings} == {code}
    assert report.exit_code == (1 if accepts else 0)


def test_as_many_at_a_time_as_one_likes_give_the_same(tester: checking.Tester) -> None:
    one, four, twelve = (tried(tester, CURL, everything=True, jobs=jobs) for jobs in (1, 4, 12))
    assert verdicts(one) == verdicts(four) == verdicts(twelve)
    assert [each.case.id for each in one.findings] == [each.case.id for each in four.findings]
    assert not one.undecided


def test_many_are_many_at_a_time_and_one_is_one(tester: checking.Tester, tmp_path: Path) -> None:
    """Each of two clients leaves a file, and waits for the file of the other: with one job, the first waits in vain."""
    pair = [tester.lab.ports[case] for case in ("expired", "wrong-host")]
    code = f"""
import os, pathlib, sys, time
folder, port, seconds, url = sys.argv[1:]
pathlib.Path(folder, port).touch()
both = {{str(port) for port in {pair}}}
end = time.monotonic() + float(seconds) * (port in both)
while time.monotonic() < end and not both <= {{*os.listdir(folder)}}: time.sleep(0.01)
print('together' if both <= {{*os.listdir(folder)}} else 'alone', file=sys.stderr)
os.execlp('curl', 'curl', '-s', '-o', '/dev/null', url)
"""
    said = {}
    for jobs, seconds in ((1, 0.2), (2, PROMPT)):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        command = python(code, str(folder), "{port}", str(seconds), "{url}")
        report = tried(tester, command, "expired", "wrong-host", jobs=jobs)
        said[jobs] = sorted(each.said for each in report.findings if tester.lab.ports[each.case.id] in pair)
    assert said == {1: ["alone", "together"], 2: ["together", "together"]}


# Those who hang, and those who leave others behind --------------------------------------------------------------------

HANDSHAKE = """
import os, socket, ssl, sys, time
context = ssl.create_default_context(); context.check_hostname = False
if 'careless' in sys.argv: context.verify_mode = ssl.CERT_NONE
tls = context.wrap_socket(socket.create_connection(('localhost', int(sys.argv[1]))), server_hostname='localhost')
"""


@pytest.fixture
def good_port(tester: checking.Tester) -> int:
    return tester.lab.ports[GOOD]


@pytest.mark.parametrize("jobs", [1, 4])
def test_one_that_hangs_after_its_handshake_has_not_refused(tester: checking.Tester, good_port: int, jobs: int) -> None:
    talks = f"if int(sys.argv[1]) == {good_port}: tls.sendall(b'hello'); sys.exit()\n"
    report = tried(
        tester, python(HANDSHAKE + talks + "time.sleep(99)", "{port}", "careless"), "wrong-host", timeout=4, jobs=jobs
    )
    found = {each.case.id: each for each in report.findings}
    assert found[GOOD].verdict is ClientVerdict.ACCEPTED
    for case in (UNKNOWN_CA, "wrong-host"):
        assert found[case].verdict is ClientVerdict.INCONCLUSIVE
        assert "before it was stopped after 4 s" in found[case].did
        assert found[case].exit_code is None
        assert 4 <= found[case].seconds < 4 + PROMPT
    assert report.exit_code == 3


def test_one_that_refuses_and_then_hangs_has_refused(tester: checking.Tester) -> None:
    report = tried(tester, ("sh", "-c", "curl -sS {url} || sleep 99"), "expired", timeout=4)
    found = {each.case.id: each for each in report.findings}
    assert found[GOOD].verdict is ClientVerdict.ACCEPTED
    for case in (UNKNOWN_CA, "expired"):
        assert (found[case].verdict, found[case].exit_code) == (ClientVerdict.REFUSED, None)


def test_one_that_leaves_the_work_to_another_is_judged_by_what_that_one_does(
    tester: checking.Tester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", DEADLINE)
    for command in ("curl -sS {url} & exit 0", "curl -sS {url} >/dev/null 2>&1 & exit 0"):
        report = tried(tester, ("sh", "-c", command), "expired")
        assert verdicts(report) == {
            GOOD: ClientVerdict.ACCEPTED, UNKNOWN_CA: ClientVerdict.REFUSED, "expired": ClientVerdict.REFUSED,
        }  # fmt: skip


def test_another_that_has_to_be_ended_has_not_refused(tester: checking.Tester, good_port: int) -> None:
    """The program is long gone; its child has done its handshake, and hangs."""
    talks = f"if int(sys.argv[1]) == {good_port}: tls.sendall(b'hello'); sys.exit()\n"
    daemon = "import os\nready, done = os.pipe()\nif os.fork():\n    os.close(done); os.read(ready, 1); os._exit(0)\n"
    for leaves in ("", "os.setsid()\n"):
        code = daemon + leaves + HANDSHAKE + talks + "os.write(done, b'!'); time.sleep(99)"
        report = tried(tester, python(code, "{port}", "careless"), GOOD)
        found = report.findings[1]
        assert (found.case.id, found.verdict, found.exit_code) == (UNKNOWN_CA, ClientVerdict.INCONCLUSIVE, 0)
        assert "its children were stopped" in found.did


def test_those_who_have_run_away_are_gone_when_a_client_is_done(
    tester: checking.Tester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAL", f"away-{os.getpid()}")
    daemon = "setsid sleep 999 </dev/null >/dev/null 2>&1 & echo $!; exec curl -sS {url}"
    seen: list[int] = []

    def progress(done: int, total: int, last: str) -> None:
        seen.append(len(bearing(f"TRIAL=away-{os.getpid()}")))

    wanted = chosen(["expired"], False)
    replace(tester).check(own(("sh", "-c", daemon)), wanted, SETTINGS, datetime.now(UTC), progress)
    assert seen == [1, 2, 3], "they were to go on until the end"
    assert bearing(f"TRIAL=away-{os.getpid()}") == []


def test_one_that_cannot_be_run_any_more_ends_its_own_check_and_no_other(
    tester: checking.Tester, tmp_path: Path
) -> None:
    program = tmp_path / "once"
    program.write_text(
        f"#!/bin/sh\ncase $1 in *:{tester.lab.ports[UNKNOWN_CA]}/) rm {program};; esac\nexec curl -sS $1\n"
    )
    program.chmod(0o755)
    with pytest.raises(Problem, match="cannot run"):
        tried(tester, (str(program), "{url}"), *FEW)
    assert tried(tester, CURL, *FEW).exit_code == 0


# What it is given -----------------------------------------------------------------------------------------------------


def test_url_host_port_and_ca_lead_to_the_case(tester: checking.Tester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is taken away: what is left is {ca}."""
    command = ("env", "-i", f"PATH={os.environ['PATH']}", "curl", "-sS", "--cacert", "{ca}", "https://{host}:{port}/")
    assert verdicts(tried(tester, command, *FEW)) == verdicts(tried(tester, CURL, *FEW))
    assert verdicts(tried(tester, CURL, *FEW))[GOOD] is ClientVerdict.ACCEPTED


def test_it_runs_where_the_user_is(tester: checking.Tester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.sh").write_text('#!/bin/sh\ntest -e here || exit 9\nexec curl -sS "$1"\n')
    (tmp_path / "mine.sh").chmod(stat.S_IRWXU)
    (tmp_path / "here").touch()
    monkeypatch.chdir(tmp_path)
    assert verdicts(tried(tester, ("./mine.sh", "{url}"), "expired"))[GOOD] is ClientVerdict.ACCEPTED


HOSTILE = {
    "SSL_CERT_FILE": "{other}", "CURL_CA_BUNDLE": "{other}", "REQUESTS_CA_BUNDLE": "{other}", "PYTHONHTTPSVERIFY": "0",
    "GIT_SSL_CAINFO": "{other}", "NODE_EXTRA_CA_CERTS": "{other}", "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "GIT_SSL_NO_VERIFY": "1", "SSL_CERT_DIR": "/no", "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy":
    "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*", "no_proxy": "*", "WGETRC": "/nowhere",
    "CURL_HOME": "{careless}", "JAVA_TOOL_OPTIONS": "-Dnothing=1", "SYSTEM_WGETRC": "/nowhere", "NODE_OPTIONS": "--bad",
    "OPENSSL_CONF": "/nowhere", "SSLKEYLOGFILE": "{log}", "HTTP_PROXY": "http://127.0.0.1:9",
}  # fmt: skip


@pytest.mark.parametrize("name", ["curl", "wget", "git", "python-urllib", "python-requests", "node"])
def test_what_is_inherited_is_overridden(
    tester: checking.Tester, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another authority, no check, and a way that leads nowhere. One case has a name that nobody resolves."""
    other, log = mint(tmp_path / "certs") / "root.pem", tmp_path / "keys.log"
    (tmp_path / ".curlrc").write_text("insecure\n")
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value.format(other=other, careless=tmp_path, log=log))
    report = tried(replace(tester), name, "good-wildcard", "expired", "wrong-host")
    assert {each.case.id: each.verdict.takes_it for each in report.findings} == {
        GOOD: True, UNKNOWN_CA: False, "expired": False, "wrong-host": False, "good-wildcard": True,
    }  # fmt: skip
    assert not log.exists()


def test_its_environment_is_otherwise_that_of_the_user(
    tester: checking.Tester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_OWN_SETTING", "é 1")
    report = tried(replace(tester), ("sh", "-c", f"env >{tmp_path}/env; exec curl -sS {{url}}"), "expired")
    assert report.exit_code == 0
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert seen["MY_OWN_SETTING"] == "é 1"
    assert seen["HOME"] == os.environ["HOME"]
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"):
        assert Path(seen[variable]).is_relative_to(tester.folder)
    assert "HTTPS_PROXY" not in seen


# By name --------------------------------------------------------------------------------------------------------------


def test_by_name_the_verdicts_are_the_same(tester: checking.Tester) -> None:
    cases = ("expired", "wrong-host", "self-signed", "leaf-signs-leaf", "good-wildcard", "rsa1024")
    by_port, by_name = tried(tester, CURL, *cases), tried(tester, ("curl", "-sS", "{sni_url}"), *cases)
    assert verdicts(by_port) == verdicts(by_name)
    assert by_name.exit_code == 0


def test_what_has_a_port_of_its_own_is_not_run_by_name(tester: checking.Tester) -> None:
    report = tried(tester, ("curl", "-sS", "{sni_url}"), "tls-1-0-only", "expired")
    assert [each.case.id for each in report.unserved] == ["tls-1-0-only"]
    assert "its own port" in report.unserved[0].reason
    assert "tls-1-0-only" not in verdicts(report)


NO_NAME = """
import socket, ssl, sys, urllib.parse
where = urllib.parse.urlsplit(sys.argv[1])
context = ssl.create_default_context(); context.check_hostname = False
tls = context.wrap_socket(socket.create_connection(('127.0.0.1', where.port)))
tls.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); tls.recv(99)
"""


def test_a_client_without_server_name_is_reported_by_name_and_judged_by_port(tester: checking.Tester) -> None:
    by_name = tried(tester, python(NO_NAME, "{sni_url}"), "expired")
    assert {each.verdict for each in by_name.findings} == {ClientVerdict.NO_SNI}
    assert (by_name.conclusive, by_name.exit_code) == (False, 3)
    by_port = tried(tester, python(NO_NAME, "{url}"), "expired")
    assert verdicts(by_port) == {
        GOOD: ClientVerdict.ACCEPTED,
        UNKNOWN_CA: ClientVerdict.REFUSED,
        "expired": ClientVerdict.REFUSED,
    }


# Controls -------------------------------------------------------------------------------------------------------------


def test_with_controls_a_refusal_counts_if_the_same_without_the_fault_is_accepted(tester: checking.Tester) -> None:
    report = tried(tester, CURL, "expired", "wrong-host", controls=True)
    assert report.exit_code == 0
    for each in report.findings[1:]:
        assert each.verdict in (ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE)
        assert each.did.endswith("accepted the control")


def test_with_controls_a_refusal_for_another_reason_does_not_count(tester: checking.Tester) -> None:
    """This one takes nothing but the good certificate and the two names; controls have ports of their own."""
    listed = "|".join(str(tester.lab.ports[case]) for case in (GOOD, UNKNOWN_CA, f"{UNKNOWN_CA}.control"))
    picky = (
        "sh",
        "-c",
        f"case {{port}} in {listed}) exec curl -sS {{url}};; *) exec curl -sS --cacert /dev/null {{url}};; esac",
    )
    assert verdicts(tried(tester, picky, "expired"))["expired"].decided
    report = tried(tester, picky, "expired", controls=True)
    assert verdicts(report) == {
        GOOD: ClientVerdict.ACCEPTED, UNKNOWN_CA: ClientVerdict.REFUSED, "expired": ClientVerdict.INCONCLUSIVE,
    }  # fmt: skip
    (did,) = (each.did for each in report.findings if each.case.id == "expired")
    assert did.endswith("with the control: closed the connection during the handshake, without an alert"), did


# Against the catalogue ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # the library's remarks on certificates that are broken on purpose
def test_pythons_urllib_does_in_every_case_what_the_catalogue_has_measured_of_openssl(tester: checking.Tester) -> None:
    """An oracle of its own: the codes there come from OpenSSL without any of this."""
    certificates = [each for each in tester.lab.cases if each.id in CATALOGUE and each.handler]
    report = tried(tester, "python-urllib", *(each.id for each in certificates))
    found = verdicts(report)
    assert set(found) == {each.id for each in certificates}
    assert len(found) > 100
    for each in report.findings:
        codes = CATALOGUE[each.case.id].openssl[STRICT]
        assert each.verdict.decided, each
        assert each.verdict.takes_it is (not codes), each
        assert "CERTIFICATE_VERIFY_FAILED" in each.said or not codes - {0}, each


# The tester itself ----------------------------------------------------------------------------------------------------


def test_an_interrupt_between_two_findings_ends_those_that_run(
    tester: checking.Tester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C does while the main thread draws its bar. The nursery is one of its own: it is closed by that."""
    monkeypatch.setenv("TRIAL", f"between-{os.getpid()}")
    mine = replace(tester, nursery=Nursery())
    hangs = f"case {{port}} in {tester.lab.ports['wrong-host']}) sleep 999;; *) exec curl -sS {{url}};; esac"

    def progress(done: int, total: int, last: str) -> None:
        if last == "expired":
            raise KeyboardInterrupt

    wanted = chosen(["expired", "wrong-host"], False)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mine.check(own(("sh", "-c", hangs)), wanted, SETTINGS, datetime.now(UTC), progress)
    assert time.monotonic() - begun < SETTINGS.timeout / 2, "it was waited for"
    assert not [line for line in bearing(f"TRIAL=between-{os.getpid()}") if "sleep" in line]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("job")]


def test_a_preset_that_does_not_run_here_is_a_problem_before_any_case(tester: checking.Tester) -> None:
    broken = preset("python-urllib")
    broken = replace(broken, preset=replace(broken.preset, version=("{python}", "-c", "import no_such_library")))
    with pytest.raises(Problem, match="does not run here"):
        tried(tester, broken)
