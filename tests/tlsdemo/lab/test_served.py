"""Every certificate of the catalogue, on its own port and by name, before Python's ssl. Falsehoods caught: a case that
is missing, shown wrongly, or refused for another reason than its own; and a name that gets another case's certificate.
"""

import json
import socket
import ssl
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from pki.cases import CATALOGUE
from tests.conftest import tool
from tests.pki.cases.test_cases import NEW
from tests.tlsdemo.lab.visiting import LOOPBACKS, Lab, careless, checking, dial, everything, hello, look, only
from tlsdemo.lab.catalogue import CASES, find
from tlsdemo.lab.certificate_cases import STRICT
from tlsdemo.lab.server import BY_NAME
from tlsdemo.lab.visit import VisitEnd
from tlsdemo.wire import handshake, records

MODE = "python_3_13" if sys.version_info >= (3, 13) else "python_3_11"
UNSERVABLE = ("san-malformed-der", "duplicate-extension")
"""OpenSSL refuses to load these."""
served = [case for case in CATALOGUE if case not in UNSERVABLE]
IN_TLS_1_2 = {"rsa512": 66}
"""Measured in 1.3, where it cannot be served at all; on its port it is served, and refused with its own code."""
ONLY_TLS_1_2 = ("rsa512", "ec-p192", "ec-secp256k1", "dsa-leaf")
"""TLS 1.3 has no signature for these keys (RFC 8446 §4.2.3), and by name it is agreed on before the name counts."""


@cache
def measured(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    rows = json.loads((folder / "certificate-cases.json").read_text())["cases"]
    return {row["case"]: row["openssl_3_0"] for row in rows}


# The document ---------------------------------------------------------------------------------------------------------


def test_every_case_of_the_catalogue_has_a_port_or_a_reason(lab: Lab) -> None:
    found = [each for each in lab.document["cases"] if each["case"] in CATALOGUE]
    assert [each["case"] for each in found] == list(CATALOGUE)
    for each in lab.document["cases"]:
        assert (each["port"] is None) is bool(each["reason"]), each
        assert each["sni"] is None or each["port"], each
    assert tuple(each["case"] for each in found if each["port"] is None) == UNSERVABLE


def test_ids_aliases_and_ports_are_of_one_case_each(lab: Lab) -> None:
    cases = lab.document["cases"]
    ids = [each["case"] for each in cases]
    # badssl's name may be that of the case itself; and `untrusted-root` is both: then the id counts.
    aliases = [alias for each in cases for alias in each["aliases"] if alias not in ids]
    assert len({*ids, *aliases}) == len(ids) + len(aliases)
    assert ids == list(CASES)
    assert all(find(each).id == each for each in ids)
    ports = [port for each in cases for port in (each["port"], each["control_port"]) if port]
    assert len({*ports, lab.sni_port, lab.opened.index_port}) == len(ports) + 2


@pytest.mark.parametrize("case", CATALOGUE)
def test_the_document_says_what_the_catalogue_says(lab: Lab, case: str) -> None:
    said, declared = lab.case(case), CATALOGUE[case]
    assert said["expect"] == declared.must.value
    assert said["severity"] == declared.severity.value
    assert said["clause"] == declared.clause
    assert said["wrong"] == declared.summary
    assert said["aliases"] == list(declared.aliases)
    assert said["cve"] == list(declared.cve)


# On a port of its own -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", served)
def test_pythons_ssl_does_on_its_port_what_was_measured(lab: Lab, case: str, shared_data: Path) -> None:
    said, context = lab.case(case), checking(lab.ca(case))
    rows = measured(shared_data)
    if case not in rows:
        assert case in NEW
        code = next(iter(CATALOGUE[case].openssl[STRICT]), None)
        assert look(said["port"], said["host"], context).code == code
        return
    expected = rows[case][MODE]
    for host in LOOPBACKS:
        with lab.visits(case) as visits:
            seen = look(said["port"], said["host"], context, host)
        visit = only(visits)
        assert visit.peer.startswith({"127.0.0.1": "127.0.0.1:", "::1": "[::1]:"}[host])
        if expected["verdict"] == "accept":
            assert seen.code is None, seen.why
            assert f"\ncase:      {case}\n".encode() in seen.answer
            assert (visit.end, visit.agent) == (VisitEnd.TALKED, "test")
            assert said["verify_codes"] == []
        else:
            assert seen.code == (expected["verify_code"] or IN_TLS_1_2.get(case, 0)), seen.why
            assert visit.end in (VisitEnd.REFUSED, VisitEnd.UNFIT)
            assert visit.count == 0
            assert said["verify_codes"] == ([expected["verify_code"]] if expected["verify_code"] else [])


@pytest.mark.parametrize("case", served)
def test_its_control_is_accepted(lab: Lab, case: str) -> None:
    said = lab.case(case)
    if said["expect"] == "accept" or case == "revoked":  # which differs by the list of its authority alone
        assert said["control_port"] is None
        return
    control = next(each.control for each in lab.opened.cases if each.id == case)
    assert control
    ca = lab.files.folder / "control.pem"
    ca.write_bytes(control.anchors_pem or Path(lab.ca()).read_bytes())
    seen = look(said["control_port"], control.host, checking(str(ca)))
    assert seen.code is None, seen.why
    assert f"{case}.control".encode() in seen.answer


OWN_NAMES = {
    "good-wildcard": ["*.lab.good-wildcard.localhost"],
    "good-san-case": ["LOCALHOST"],
    "good-1000-sans": [f"host-{number}.localhost" for number in range(999)] + ["localhost"],
}
"""Where it is about the names: for the others, see below."""


@pytest.mark.parametrize("case", [each for each in served if CATALOGUE[each].theme == "correct"])
def test_a_correct_certificate_names_this_machine(lab: Lab, case: str) -> None:
    seen = look(lab.port(case), lab.case(case)["host"], careless())
    if case == "good-10000-sans":  # more than OpenSSL takes: see below
        assert "excessive message size" in seen.why
        return
    leaf = x509.load_der_x509_certificate(seen.leaf)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts, addresses = names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)
    assert hosts == OWN_NAMES.get(case, ["localhost", f"{case}.localhost"])
    assert list(map(str, addresses)) == ([] if case in OWN_NAMES else list(LOOPBACKS))


def test_the_one_with_ten_thousand_names_is_sent_in_full(lab: Lab) -> None:
    """Read as it passes in TLS 1.2, by `openssl x509`."""
    with dial(lab.port("good-10000-sans")) as plain:
        plain.sendall(hello(newest=ssl.TLSVersion.TLSv1_2))
        plain.shutdown(socket.SHUT_WR)
        sent = everything(plain)
    content = b"".join(each.fragment for each in records.records(sent) if each.content_type == records.HANDSHAKE)
    messages = {each.msg_type: each.body for each in handshake.messages(content)}
    leaf = messages[11][6:][: int.from_bytes(messages[11][3:6])]  # Certificate (RFC 5246 §7.4.2)
    done = subprocess.run(
        [tool("openssl"), "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], input=leaf, capture_output=True
    )
    hosts = done.stdout.replace(b"\n", b",").count(b"DNS:")
    assert hosts == 10_000
    assert b"DNS:localhost" in done.stdout


def test_each_good_name_of_the_machine_is_accepted(lab: Lab) -> None:
    for name in ("localhost", "good.localhost", *LOOPBACKS):
        assert look(lab.port("good"), name, checking(lab.ca())).code is None


# By name --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", served)
def test_by_name_it_is_the_same_certificate(lab: Lab, case: str) -> None:
    said = lab.case(case)
    if case in ONLY_TLS_1_2:
        assert said["sni"] is None
        return
    with lab.visits(case, by_name=True) as visits:
        by_name = look(lab.sni_port, said["sni"], careless())
    by_port = look(said["port"], said["host"], careless())
    if case == "good-10000-sans":
        assert by_name == by_port and "excessive message size" in by_name.why
        return
    assert by_name.leaf == by_port.leaf != b"", (by_name, by_port)
    assert by_name.version == by_port.version
    assert f"\ncase:      {case}\n".encode() in by_name.answer
    visit = only(visits)
    assert (visit.end, visit.asked_for) == (VisitEnd.TALKED, said["sni"])


def test_what_only_tls_1_2_can_show_is_shown_in_it(lab: Lab) -> None:
    for case in ("rsa512", "dsa-leaf"):
        assert look(lab.port(case), "localhost", careless()).version == "TLSv1.2"


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("wrong.host.localhost", "wrong-host"),
        ("self-signed.localhost", "self-signed"),
        ("no-subject.localhost", "good-no-cn"),
        ("untrusted-root.localhost", "untrusted-root"),
        ("EXPIRED.LocalHost", "expired"),
        ("expired.localhost.", "expired"),
        ("www.expired.localhost", "expired"),
        ("a.b.wildcard-two-labels.localhost", "wildcard-two-labels"),
        ("revoked.localhost", "revoked"),
        ("list-revoked.localhost", "list-revoked"),
    ],
)
def test_aliases_and_names_below_a_case_lead_to_it(lab: Lab, name: str, case: str) -> None:
    with lab.visits(case, by_name=True) as visits:
        by_name = look(lab.sni_port, name, careless())
    assert by_name.leaf == look(lab.port(case), "localhost", careless()).leaf
    assert only(visits).asked_for == name


def test_every_alias_leads_to_its_case(lab: Lab) -> None:
    for each in CATALOGUE.values():
        for alias in {*each.aliases} - {*CATALOGUE} if lab.case(each.id)["sni"] else ():
            with lab.visits(each.id, by_name=True) as visits:
                look(lab.sni_port, f"{alias}.localhost", careless())
            assert len(visits) == 1, alias


@pytest.mark.parametrize(
    "name",
    [None, "127.0.0.1", "localhost", "no-such-case.localhost", "expired", "expired.example", "localhost.localhost",
     "expired.localhost.example", "xexpired.localhost", "index.localhost", "by-name.localhost"],
)  # fmt: skip
def test_who_names_no_case_is_shown_a_good_certificate_and_written_down_as_such(lab: Lab, name: str | None) -> None:
    with lab.visits(BY_NAME) as visits:
        seen = look(lab.sni_port, name, careless())
    assert b"unknown name" in seen.answer
    visit = only(visits)
    assert (visit.case, visit.end) == (BY_NAME, VisitEnd.TALKED)
    assert visit.asked_for == (None if name == "127.0.0.1" else name)


@pytest.mark.parametrize("case", ["tls-1-0-only", "client-cert-required", "dhe-512", *ONLY_TLS_1_2])
def test_what_is_not_to_be_had_by_name_is_not_passed_off_as_it(lab: Lab, case: str) -> None:
    with lab.visits(BY_NAME) as visits:
        seen = look(lab.sni_port, f"{case}.localhost", careless())
    assert f"{case} has only its own port".encode() in seen.answer
    assert only(visits).asked_for == f"{case}.localhost"


def test_the_good_certificate_by_name_is_good(lab: Lab) -> None:
    for name in ("localhost", "lab.localhost"):
        assert look(lab.sni_port, name, checking(lab.ca())).code is None
    assert look(lab.opened.index_port, "localhost", checking(lab.ca())).code is None
