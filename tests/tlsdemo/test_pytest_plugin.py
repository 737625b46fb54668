"""The fixtures of the pytest plugin, in an empty project. Caught: a careless client that a user's test does not notice.

Each test writes a test file into an empty folder and runs pytest there as a process: this suite's own configuration and
conftest are not in effect, and the plugin is found by its entry point.
"""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.conftest import run, tool

Outcomes = dict[str, str]
Project = Callable[..., "Ran"]


class Ran:
    """How a session of pytest ended: the outcome of each test, and its output."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.output = done.stdout + done.stderr
        self.code = done.returncode
        found = re.findall(r"^test_it\.py::(\S+) (PASSED|FAILED|ERROR|SKIPPED)", done.stdout, re.MULTILINE)
        self.outcomes: Outcomes = dict(found)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`project(text, *options)` runs pytest on a test file in an empty folder, with every warning as an error."""

    def session(text: str, *options: str) -> Ran:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(CLIENTS + textwrap.dedent(text))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        done = run(
            sys.executable, "-W", "error", "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "error", "-rs",
            *(options or ("-p", "no:xdist")), "test_it.py", cwd=folder, env=environment,
        )  # fmt: skip
        return Ran(done)

    return session


CLIENTS = '''
import ssl, threading, urllib.error, urllib.request
import pytest

def fetch(url, context):
    with urllib.request.urlopen(url, context=context, timeout=30) as answer:
        return answer.read()

def checking(url, ca_file):
    """A client as Python makes it."""
    return fetch(url, ssl.create_default_context(cafile=ca_file))

def careless(url, ca_file):
    """CERT_NONE, and no host name."""
    return fetch(url, ssl._create_unverified_context())
'''


def test_the_plugin_has_its_entry_point() -> None:
    assert [each.value for each in entry_points(group="pytest11", name="tlsdemo")] == ["tlsdemo.pytest_plugin"]


def test_the_plugin_loads_pytest_and_the_standard_library_alone() -> None:
    program = (
        "import pytest, sys; before = set(sys.modules); import tlsdemo.pytest_plugin; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names), "
        "sorted(m for m in sys.modules if m.startswith(('pki', 'tlsdemo'))))"
    )
    assert run(sys.executable, "-c", program).stdout.strip() == "['tlsdemo'] ['tlsdemo', 'tlsdemo.pytest_plugin']"


def test_a_session_that_uses_no_fixture_loads_nothing_of_the_lab(project: Project) -> None:
    ran = project("""
        import sys
        def test_nothing():
            ours = {name for name in sys.modules if name.startswith(("pki", "tlsdemo", "cryptography"))}
            assert ours == {"tlsdemo", "tlsdemo.pytest_plugin"}
    """)
    assert ran.outcomes == {"test_nothing": "PASSED"}, ran.output


def test_a_client_that_checks_passes_and_a_careless_one_is_caught(project: Project) -> None:
    ran = project("""
        @pytest.mark.parametrize("client", [checking, careless], ids=["checking", "careless"])
        @pytest.mark.parametrize("case", ["expired", "wrong-host", "self-signed"])
        def test_client(bad_tls_server, client, case):
            server = bad_tls_server(case)
            try:
                client(server.url, server.ca_file)
            except urllib.error.URLError:
                pass
            assert server.refused, server.did
    """)
    assert ran.outcomes == {
        f"test_client[{case}-{client}]": outcome
        for case in ("expired", "wrong-host", "self-signed")
        for client, outcome in (("checking", "PASSED"), ("careless", "FAILED"))
    }, ran.output
    assert re.search(r"AssertionError: sent \d+ bytes: GET / HTTP/1\.1", ran.output)


def test_a_server_tells_what_the_client_did(project: Project) -> None:
    ran = project("""
        def test_before(bad_tls_server):
            server = bad_tls_server("expired")
            assert (server.accepted, server.refused, server.requests) == (False, False, ())
            assert server.did == "did not connect to the case's port"

        def test_refused(bad_tls_server):
            server = bad_tls_server("expired")
            with pytest.raises(urllib.error.URLError):
                checking(server.url, server.ca_file)
            assert (server.accepted, server.refused, server.requests) == (False, True, ())
            assert server.alert == "certificate_expired"
            assert checking(server.control.url, server.control.ca_file)
            assert (server.control.accepted, server.control.refused) == (True, False)
            assert not server.accepted

        def test_accepted(bad_tls_server):
            server = bad_tls_server("expired")
            assert careless(server.url, server.ca_file)
            careless(server.url, server.ca_file)
            assert (server.accepted, server.refused) == (True, False)
            assert [each.split(b"\\r\\n")[0] for each in server.requests] == [b"GET / HTTP/1.1"] * 2

        def test_one_refusal_does_not_hide_an_acceptance(bad_tls_server):
            server = bad_tls_server("expired")
            careless(server.url, server.ca_file)
            with pytest.raises(urllib.error.URLError):
                checking(server.url, server.ca_file)
            assert server.accepted and not server.refused

        def test_in_the_clear(bad_tls_server):
            server = bad_tls_server("expired")
            urllib.request.urlopen(server.url.replace("https", "http"), timeout=30).close()
            assert server.accepted and "in the clear" in server.did
    """)
    assert set(ran.outcomes.values()) == {"PASSED"}, ran.output
    assert len(ran.outcomes) == 5


def test_two_tests_with_the_same_case_do_not_see_each_other(project: Project) -> None:
    ran = project("""
        ports = set()

        @pytest.mark.parametrize("turn", range(3))
        def test_turn(bad_tls_server, turn):
            server, other = bad_tls_server("expired"), bad_tls_server("expired")
            assert not server.accepted
            careless(server.url, server.ca_file)
            assert server.accepted and not other.accepted
    """)
    assert list(ran.outcomes.values()) == ["PASSED"] * 3, ran.output


def test_all_servers_have_the_root_of_the_lab_unless_the_case_has_another(project: Project) -> None:
    ran = project("""
        def test_roots(tls_lab, bad_tls_server):
            for case in ("good", "expired", "revoked", "tls-1-1-only"):
                assert bad_tls_server(case).ca_file == tls_lab.ca_file
            assert bad_tls_server("expired-root").ca_file != tls_lab.ca_file
            checking(bad_tls_server("good").url, tls_lab.ca_file)
    """)
    assert ran.outcomes == {"test_roots": "PASSED"}, ran.output


def test_threads_and_ports_end_with_the_test_and_with_the_session(project: Project) -> None:
    ran = project(
        """
        import atexit, socket
        ports = {}

        def is_open(port):
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        def lab_threads():
            return [each.name for each in threading.enumerate() if each is not threading.main_thread()]

        def test_first(bad_tls_server, tls_lab):
            ports["test"] = bad_tls_server("expired").port
            ports["session"] = tls_lab.start("expired").port
            assert is_open(ports["test"]) and is_open(ports["session"]) and lab_threads()

        def test_second(tls_lab):
            assert not is_open(ports["test"]) and is_open(ports["session"])

        @atexit.register
        def at_the_end():
            print("AT THE END", is_open(ports["session"]), lab_threads())
    """,
        "-p",
        "no:xdist",
        "-s",
    )
    assert set(re.findall(r"PASSED|FAILED|ERROR", ran.output)) == {"PASSED"}, ran.output
    assert "AT THE END False []" in ran.output, ran.output


def test_an_unknown_case_is_an_error_with_a_suggestion(project: Project) -> None:
    ran = project("""
        def test_server(bad_tls_server):
            with pytest.raises(ValueError, match="did you mean expired"):
                bad_tls_server("expird")

        def test_certificate(bad_certificate):
            with pytest.raises(ValueError, match="did you mean expired"):
                bad_certificate("expird")
    """)
    assert set(ran.outcomes.values()) == {"PASSED"}, ran.output


def test_a_case_that_this_machine_cannot_serve_is_skipped_with_the_reason(project: Project) -> None:
    """OpenSSL 3 has no RC4 at the level of Python's `ssl`; a case that is malformed cannot be loaded at all."""
    ran = project("""
        def test_case(bad_tls_server):
            bad_tls_server("rc4")
    """)
    assert ran.outcomes == {"test_case": "SKIPPED"}, ran.output
    assert re.search(r"SKIPPED .*rc4 cannot be served here: this OpenSSL has no such cipher suite", ran.output)


def test_a_server_of_the_users_own_with_a_bad_certificate(project: Project) -> None:
    ran = project("""
        import http.server

        def served(certificate, client):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain_file, certificate.key_file)
            server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
            server.handle_error = lambda *_: None
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            try:
                return client(f"https://localhost:{server.server_port}/", certificate.ca_file)
            finally:
                thread.join()
                server.server_close()

        @pytest.mark.parametrize("case", ["expired", "wrong-host"])
        def test_case(bad_certificate, case):
            bad = bad_certificate(case)
            assert bad.expect == "reject" and bad.control.expect == "accept" and bad.crl_file is None
            with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
                served(bad, checking)
            assert served(bad, careless)
            assert served(bad.control, checking)

        def test_good(bad_certificate):
            good = bad_certificate("good")
            assert good.expect == "accept" and good.control is None
            assert served(good, checking)

        def test_names(bad_certificate):
            expired = bad_certificate("expired", "shop.example")
            assert expired.host == expired.minted.host == "shop.example"
            assert expired.chain_file.read_bytes() == expired.minted.chain_pem
            revoked = bad_certificate("revoked")
            assert revoked.crl_file.read_bytes() == revoked.minted.crls_pem
    """)
    assert set(ran.outcomes.values()) == {"PASSED"}, ran.output
    assert len(ran.outcomes) == 4


def test_the_good_certificate_and_its_ca(project: Project) -> None:
    ran = project("""
        import pki

        def test_credential(pki_ca, server_credential):
            for name in ("localhost", "127.0.0.1", "::1"):
                assert pki.verify(server_credential, name=name, trust=pki_ca).accepted

        def test_the_same_for_the_session(pki_ca, server_credential, request):
            assert server_credential is request.getfixturevalue("server_credential")
            assert server_credential.issuers[-1] == pki_ca.intermediate
    """)
    assert set(ran.outcomes.values()) == {"PASSED"}, ran.output


def test_workers_of_xdist_have_a_lab_each(project: Project) -> None:
    ran = project(
        """
        @pytest.mark.parametrize("turn", range(4))
        def test_turn(bad_tls_server, turn):
            server = bad_tls_server("expired")
            careless(server.url, server.ca_file)
            assert server.accepted
        """,
        "-n", "2",
    )  # fmt: skip
    assert ran.code == 0, ran.output
    assert "4 passed" in ran.output


def test_it_can_be_switched_off(project: Project) -> None:
    ran = project("def test_it(pki_ca): pass", "-p", "no:xdist", "-p", "no:tlsdemo")
    assert ran.outcomes == {"test_it": "ERROR"}, ran.output
    assert "fixture 'pki_ca' not found" in ran.output


def test_pytest_explains_the_fixtures(project: Project) -> None:
    ran = project("", "-p", "no:xdist", "--fixtures")
    text = re.sub(r"\s+", " ", ran.output)
    for name in ("pki_ca", "server_credential", "bad_certificate", "tls_lab", "bad_tls_server"):
        assert re.search(rf"{name}( \[session scope\])? -- \S*tlsdemo/pytest_plugin\.py:\d+ \w", text), name


def test_curl_in_a_process_of_its_own_is_judged_too(project: Project) -> None:
    tool("curl")
    ran = project("""
        import subprocess

        @pytest.mark.parametrize("options", [[], ["-k"]], ids=["checking", "careless"])
        def test_curl(bad_tls_server, options):
            server = bad_tls_server("wrong-host")
            subprocess.run(["curl", "-s", "--cacert", server.ca_file, *options, server.url], stdout=subprocess.DEVNULL)
            assert server.refused, server.did
    """)
    assert ran.outcomes == {"test_curl[checking]": "PASSED", "test_curl[careless]": "FAILED"}, ran.output
