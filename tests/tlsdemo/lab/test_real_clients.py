"""Clients that people use, in the lab. Falsehoods caught: a careless client that passes, a careful one that is blamed,
and a verdict that the same client contradicts before a server that is not ours.

What a client does with a case that clients disagree about is not written down here: versions change. There it is asked
of `openssl s_server` with the same certificate.
"""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pki.cases import CATALOGUE
from tests.conftest import missing, module, run, tool
from tests.peers.support import Background
from tests.tlsdemo.lab.trying import bearing, python, tried, verdicts
from tlsdemo.findings import GOOD, UNKNOWN_CA, ClientVerdict, Report
from tlsdemo.lab import tester as checking
from tlsdemo.lab.ca import HOME
from tlsdemo.lab.client import fill
from tlsdemo.lab.presets import PRESETS
from tlsdemo.lab.process import MARK

BAD = (UNKNOWN_CA, "expired", "wrong-host", "self-signed", "not-yet-valid", "leaf-signs-leaf", "md5-leaf")
"""What nobody accepts who looks at all."""
CAREFUL = (
    "curl", "wget", "gnutls-cli", "openssl-strict", "python-urllib", "python-requests", "python-httpx",
    "python-aiohttp", "node", "node-fetch", "java", "git", "go", "ruby", "php", "perl",
)  # fmt: skip


PROOF = {"javac": ("-version",)}
"""Arguments that show more than that the program is there: macOS has a `javac` that only says where to get one."""


def needed(name: str) -> None:
    """A skip (a failure where tools are required) if a program, or a module of it, is missing."""
    for program in PRESETS[name].needs:
        tool(program, *PROOF.get(program, ()))
    for each in PRESETS[name].modules:
        module(each)
    version = [fill(word, {"python": sys.executable, "dir": os.curdir}) for word in PRESETS[name].version]
    if run(*version).returncode != 0:
        missing(f"what `{' '.join(version)}` needs")


@pytest.fixture(scope="session")
def reports(tester: checking.Tester) -> Callable[[str], Report]:
    """Each preset once, on the cases that nobody accepts, and on a name that no resolver knows."""
    known: dict[str, Report] = {}

    def report_of(name: str) -> Report:
        if name not in known:
            known[name] = tried(tester, name, *BAD, "good-wildcard")
        return known[name]

    return report_of


# The careful ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAREFUL)
def test_a_careful_client_accepts_valid_cases_and_refuses_bad_ones(name: str, reports: Callable[[str], Report]) -> None:
    needed(name)
    report = reports(name)
    assert report.conclusive, report.findings
    found = {each.case.id: each for each in report.findings}
    for case in BAD:
        assert found[case].verdict in (ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE), found[case]
        assert found[case].said, f"{name} has nothing to say of {case}"
    assert found["good-wildcard"].verdict is ClientVerdict.ACCEPTED, found["good-wildcard"]
    assert re.search(r"\d", report.version)
    assert (report.exit_code, report.checks_no_chain) == (0, False)


def test_gits_exit_code_says_no_when_it_has_accepted_and_it_is_judged_rightly(reports: Callable[[str], Report]) -> None:
    needed("git")
    (good,) = (each for each in reports("git").findings if each.case.id == GOOD)
    assert good.verdict is ClientVerdict.ACCEPTED
    assert good.exit_code != 0
    assert "GET /info/refs" in good.did


def test_curl_looks_at_the_name_after_its_handshake_and_node_sends_no_alert(reports: Callable[[str], Report]) -> None:
    """So neither a finished handshake nor an alert is the verdict."""
    needed("node")
    for name in ("curl", "node"):
        for each in reports(name).findings:
            if each.case.id in BAD:
                assert each.verdict.decided and not each.verdict.takes_it
    assert any(each.alert is None for each in reports("node").findings if each.case.id in BAD)


# The careless ---------------------------------------------------------------------------------------------------------

UNVERIFIED = """
import ssl, sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read())
"""
REQUESTS = "import requests, sys; print(requests.get(sys.argv[1], verify=False).text)"
NODE = "require('https').get(process.argv[1], {rejectUnauthorized: false}, a => a.pipe(process.stdout))"
CARELESS = {
    "curl -k": ("curl", "-sSk", "{url}"),
    "curl, and fails": ("sh", "-c", "curl -sk {url}; exit 60"),
    "wget": ("wget", "-qO-", "--no-check-certificate", "{url}"),
    "gnutls-cli": ("sh", "-c", "printf 'GET /\\n\\n' | gnutls-cli --insecure --port {port} localhost"),
    "s_client": ("sh", "-c", "printf 'GET /\\n\\n' | openssl s_client -quiet -connect localhost:{port}"),
    "python": python(UNVERIFIED, "{url}"),
    "node": ("node", "-e", NODE, "{url}"),
}


@pytest.mark.parametrize("name", CARELESS)
def test_a_careless_client_is_caught(name: str, tester: checking.Tester) -> None:
    command = CARELESS[name]
    tool(name.split(",")[0].split()[0] if name != "s_client" else "openssl")
    report = tried(tester, command, "expired", "wrong-host", "known-private-key")
    assert report.checks_no_chain
    assert (report.grade, report.exit_code) == ("F", 1)
    assert verdicts(report)["wrong-host"] is ClientVerdict.ACCEPTED
    assert verdicts(report)["expired"] is ClientVerdict.ACCEPTED


def test_requests_that_is_told_not_to_verify_is_caught(tester: checking.Tester) -> None:
    module("requests")
    assert tried(tester, python(REQUESTS, "{url}"), GOOD).grade == "F"


def test_s_client_accepts_everything_by_default(tester: checking.Tester) -> None:
    needed("openssl")
    report = tried(tester, "openssl", "expired", "wrong-host")
    assert (report.grade, report.exit_code) == ("F", 1)


def test_http_tiny_is_judged_by_its_version(tester: checking.Tester) -> None:
    """From 0.083 on it verifies by default (CVE-2023-31486)."""
    needed("perl-http-tiny")
    asked = run("perl", "-MHTTP::Tiny", "-e", "print HTTP::Tiny->VERSION")
    report = tried(tester, "perl-http-tiny", "expired", "wrong-host")
    assert report.conclusive
    assert report.checks_no_chain is (float(asked.stdout) < 0.083)


# Seen by another server -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SServer:
    """`openssl s_server` with the certificate of a case, and what its client needs."""

    port: int
    environment: dict[str, str]
    ca: Path


def s_server(tester: checking.Tester, case: str, folder: Path) -> tuple[Background, SServer]:
    (opened,) = (each for each in tester.lab.cases if each.id == case)
    served = CATALOGUE[case].mint(tester.lab.ca.builder_for(case)).served
    assert opened.host == HOME and not opened.anchors_pem
    (folder / "chain.pem").write_bytes(served.chain_pem)
    (folder / "key.pem").write_bytes(served.key_pem)
    peer = Background(
        tool("openssl"), "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", folder / "chain.pem",
        "-cert_chain", folder / "chain.pem", "-key", folder / "key.pem", "-cipher", "ALL:@SECLEVEL=0",
    )  # fmt: skip
    ca, surrounded = tester.trusting(opened)
    return peer, SServer(int(peer.wait_for(r"ACCEPT .*:(\d+)").group(1)), surrounded, ca)


DIRECTLY: dict[str, tuple[str, ...]] = {
    "curl": ("curl", "-sS", "https://localhost:{port}/"),
    "wget": ("wget", "-qO-", "https://localhost:{port}/"),
    "gnutls-cli": ("sh", "-c", "printf 'GET / HTTP/1.0\\n\\n' | gnutls-cli --x509cafile {ca} -p {port} localhost"),
    "node": ("node", "-e", "require('https').get(process.argv[1], a => a.pipe(process.stdout))", "https://localhost:{port}/"),
}  # fmt: skip
DISPUTED = (
    "good",
    "eku-client-only",
    "trailing-dot-san",
    "expired",
    "eku-absent",
    "aki-missing",
    "ku-rsa-encipher-only",
)
"""About some of these clients disagree."""


@pytest.mark.parametrize("name", DIRECTLY)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_client_does_the_same_before_a_server_that_is_not_ours(
    name: str, tester: checking.Tester, tmp_path: Path
) -> None:
    needed(name)
    found = verdicts(tried(tester, name, *DISPUTED))
    seen = {}
    for case in DISPUTED:
        peer, server = s_server(tester, case, tmp_path)
        try:
            command = [word.format(port=server.port, ca=server.ca) for word in DIRECTLY[name]]
            seen[case] = "s_server -www" in run(*command, env=server.environment).stdout
        finally:
            peer.kill()
    assert {case: verdict.takes_it for case, verdict in found.items() if case in seen} == seen
    assert seen["good"] and not seen["expired"]


# A browser ------------------------------------------------------------------------------------------------------------


def test_chromium_exits_with_0_whatever_it_thinks_and_is_judged_rightly(
    tester: checking.Tester, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed("chromium")
    report = tried(replace(tester), "chromium", "expired", "wrong-host")
    found = {each.case.id: each for each in report.findings}
    assert found[GOOD].verdict is ClientVerdict.ACCEPTED, found[GOOD]
    for case in (UNKNOWN_CA, "expired", "wrong-host"):
        assert found[case].verdict in (ClientVerdict.REFUSED, ClientVerdict.REFUSED_LATE), found[case]
    assert {each.exit_code for each in report.findings} == {0}
    assert not [line for line in bearing(f"{MARK}={os.getpid()}-") if "chromium" in line]
