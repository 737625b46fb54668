"""Who is let in where the lab asks who the client is: every certificate at every port, with Python's ssl and curl.

Falsehoods caught: a port that checks less, or more, than it says; and a visit that does not name who came.
"""

import ssl

import pytest

from tests.conftest import run, tool
from tests.tlsdemo.lab.visiting import Lab, Seen, checking, look, only
from tlsdemo.lab.client_credentials import NAME
from tlsdemo.lab.visit import VisitEnd

CREDENTIALS = ("good", "expired", "untrusted-ca", "server-only", "revoked", None)
LET_IN: dict[str, set[str | None]] = {
    "client-cert-required": {"good"},
    "client-cert-optional": {"good", None},
    "client-cert-any-time": {"good", "expired"},
    "client-cert-any-authority": {"good", "untrusted-ca"},
    "client-cert-not-revoked": {"good", "revoked"},
}
"""Each but the first two is careless in one thing, and strict in all others."""
WHY = {
    "expired": "a certificate has expired",
    "untrusted-ca": "the certificate was issued by a CA that is not trusted",
    "server-only": "the certificate is not for this purpose",
    "revoked": "a certificate is revoked",
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def test_every_port_that_asks_is_tried_here(lab: Lab) -> None:
    assert [each["case"] for each in lab.document["cases"] if each["theme"] == "clients"] == list(LET_IN)


def test_every_certificate_is_tried_here(lab: Lab) -> None:
    files = sorted(lab.client(each)[0] for each in CREDENTIALS if each)
    assert lab.document["client_certificates"] == files


def ask(lab: Lab, case: str, credential: str | None, version: str) -> Seen:
    context = checking(lab.ca())
    context.maximum_version = VERSIONS[version]
    if credential:
        context.load_cert_chain(*lab.client(credential))
    return look(lab.port(case), "localhost", context)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("credential", CREDENTIALS, ids=str)
@pytest.mark.parametrize("case", LET_IN)
def test_who_is_let_in(lab: Lab, case: str, credential: str | None, version: str) -> None:
    with lab.visits(case) as visits:
        seen = ask(lab, case, credential, version)
    visit = only(visits)
    if credential in LET_IN[case]:
        who = f"DNS:{NAME}" if credential else "not authenticated"
        assert f"you are:   {who}\n".encode() in seen.answer, seen
        assert (visit.end, visit.client) == (VisitEnd.TALKED, f"DNS:{NAME}" if credential else "")
    else:
        assert seen.answer == b""
        assert (visit.end, visit.client, visit.count, visit.alert) == (VisitEnd.TURNED_AWAY, "", 0, None)
        assert visit.why == (
            f"{WHY[credential]} (client certificate)"
            if credential
            else "the peer did not present the certificate that was requested"
        )


@pytest.mark.parametrize("credential", CREDENTIALS, ids=str)
def test_curl_is_told_why_it_is_not_let_in(lab: Lab, credential: str | None) -> None:
    own = ("--cert", lab.client(credential)[0], "--key", lab.client(credential)[1]) if credential else ()
    port = lab.port("client-cert-required")
    done = run(tool("curl"), "-sS", "--cacert", lab.ca(), *own, f"https://localhost:{port}/")
    alerts = {
        "expired": "certificate expired", "untrusted-ca": "unknown ca", "server-only": "unsupported certificate",
        "revoked": "certificate revoked", None: "certificate required",
    }  # fmt: skip
    if credential == "good":
        assert done.returncode == 0
        assert f"DNS:{NAME}" in done.stdout
    else:
        assert alerts[credential] in done.stderr
        assert done.stdout == ""


def test_the_certificates_are_what_openssl_says(lab: Lab) -> None:
    """Only one thing is wrong with each: without the check of that, it is good."""
    ignoring = {"good": (), "expired": ("-no_check_time",), "revoked": (), "server-only": ("-purpose", "sslserver")}
    for credential, options in ignoring.items():
        purpose = () if "-purpose" in options else ("-purpose", "sslclient")
        done = run(
            tool("openssl"),
            "verify",
            "-x509_strict",
            "-CAfile",
            lab.ca(),
            *purpose,
            *options,
            lab.client(credential)[0],
        )
        assert done.returncode == 0, done.stderr
    assert "error 20" in run(tool("openssl"), "verify", "-CAfile", lab.ca(), lab.client("untrusted-ca")[0]).stderr


def test_a_client_that_refuses_the_server_is_not_turned_away(lab: Lab) -> None:
    """In TLS 1.3 the server could take the missing certificate for the reason."""
    context = ssl.create_default_context()  # it does not trust the lab
    with lab.visits("client-cert-required") as visits:
        assert look(lab.port("client-cert-required"), "localhost", context).code
    assert (only(visits).end, only(visits).alert) == (VisitEnd.REFUSED, "unknown_ca")
