"""Which cases are run, and what may be claimed then. Falsehood caught: a good mark for what was never asked."""

import socket
from pathlib import Path

import pytest

from tests.tlsdemo.lab.trying import CURL, python, tried
from tlsdemo.findings import SEVERITIES, ClientVerdict
from tlsdemo.lab import tester as check
from tlsdemo.lab.catalogue import CASES
from tlsdemo.lab.tester import UNFOUND, chosen

RAW = """
import socket, ssl, sys
host, where, port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with context.wrap_socket(socket.create_connection((where, int(port))), server_hostname=host) as tls:
    tls.sendall(b"hello\\n")
    tls.recv(100)
"""
"""A correct client that resolves names as the system does."""


@pytest.mark.parametrize("fail_on", SEVERITIES)
def test_what_can_fail_a_client_is_asked(fail_on: str) -> None:
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    asked = {each.id for each in chosen((), False, fail_on)}
    assert asked == {each.id for each in CASES.values() if each.severity in grave and not each.only_named}


@pytest.mark.usefixtures("curl")
def test_there_is_no_grade_for_a_few_cases(tester: check.Tester) -> None:
    report = tried(tester, CURL, "expired")
    assert report.whole == ()
    assert report.grade == "?"


@pytest.mark.usefixtures("curl")
def test_a_grave_finding_is_grave_however_little_was_asked(tester: check.Tester) -> None:
    assert tried(tester, ("curl", "-k", "-sS", "{url}"), "wrong-host").grade == "F"


def test_a_client_that_finds_no_such_host_has_not_judged_the_case(tester: check.Tester) -> None:
    try:
        socket.getaddrinfo("good.lab.wildcard-apex.localhost", 1)
        pytest.skip("this machine finds every name below localhost")
    except socket.gaierror:
        report = tried(tester, python(RAW, "{host}", "{host}", "{port}", "{ca}"), "good-wildcard", "expired")
    assert [(each.case.id, each.reason) for each in report.unserved] == [("good-wildcard", UNFOUND)]
    assert report.exit_code == 0


def test_who_connects_to_the_address_and_asks_for_the_name_judges_it(tester: check.Tester) -> None:
    cases = ("good-wildcard", "wildcard-apex", "good-ip", "ip-mismatch")
    report = tried(tester, python(RAW, "{host}", "{address}", "{port}", "{ca}"), *cases)
    assert not report.unserved
    taken = {each.case.id for each in report.findings if each.verdict.takes_it}
    assert taken == {"good", "good-wildcard", "good-ip"}


@pytest.mark.usefixtures("curl")
def test_a_refusal_counts_if_its_control_is_accepted(tester: check.Tester) -> None:
    (expired,) = (each for each in tried(tester, CURL, "expired", controls=True).findings if each.case.id == "expired")
    assert expired.verdict is ClientVerdict.REFUSED
    assert expired.did.endswith("; accepted the control")


@pytest.mark.usefixtures("curl")
def test_who_refuses_the_control_as_well_has_not_refused_the_fault(tester: check.Tester, tmp_path: Path) -> None:
    """It accepts `good` alone: it knows the port by heart."""
    client = tmp_path / "client"
    client.write_text(
        f'#!/bin/sh\n[ "$1" = {tester.lab.ports["good"]} ] && exec curl -sS "$2"\ncurl -sS --cacert /dev/null "$2"\n'
    )
    client.chmod(0o700)
    report = tried(tester, (str(client), "{port}", "{url}"), "expired", controls=True)
    assert {each.case.id for each in report.undecided} >= {"expired"}
    assert report.controls


@pytest.mark.usefixtures("curl")
def test_what_has_to_be_named_is_said_to_be_left_out(tester: check.Tester) -> None:
    report = tried(tester, "curl", everything=True)
    named = {each.id for each in CASES.values() if each.only_named}
    assert {each.case.id for each in report.unserved} >= named
    assert report.whole == SEVERITIES
