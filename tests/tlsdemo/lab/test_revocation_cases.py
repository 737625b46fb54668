"""Revocation in a box, before those who ask: `openssl s_client -crl_download`, `openssl ocsp`, gnutls-cli and Java.

They find the lists and the responders by the URLs in the certificates alone. Falsehoods caught: a list or an answer
that is not what its case says - revoked, stale, absent, forged, unknown - or is wrong in something else, too.
"""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509

from pki.cases import CATALOGUE
from tests.conftest import COMPILER, run, tool
from tests.tlsdemo.lab.visiting import Lab, careless, look
from tlsdemo.lab.revocation_sources import Where, path

LISTS = {  # the verify code of OpenSSL, which downloads the list
    "list-good": 0,
    "list-revoked": 23,
    "list-stale": 12,
    "list-absent": 3,
    "list-forged": 8,
    "revoked": 23,
    "ocsp-good": 3,  # it has no list, and one is demanded
}
RESPONDERS = {  # what `openssl ocsp` prints
    "ocsp-good": "Response verify OK|leaf.pem: good",
    "ocsp-revoked": "Response verify OK|leaf.pem: revoked|Revocation Time",
    "ocsp-unknown": "Response verify OK|leaf.pem: unknown",
    "ocsp-stale": "Response verify OK|Status times invalid|status expired",
    "ocsp-absent": "code=404",
    "ocsp-forged": "Response Verify Failure",
    "revoked": "Response verify OK|leaf.pem: revoked",
}
GNUTLS = {  # what `gnutls-cli --ocsp` prints, and whether it goes on
    "ocsp-good": ("flags certificate not revoked", True),
    "ocsp-revoked": ("Certificate was revoked", False),
    "ocsp-unknown": ("The certificate is trusted", True),  # it takes unknown for good
    "ocsp-stale": ("there is a newer issue", False),
    "ocsp-absent": ("importing response", False),  # it takes what comes with 404 for one
    "ocsp-forged": ("Verifying OCSP Response: Failure", False),
    "revoked": ("Certificate was revoked", False),
}
JAVA = {  # PKIX with revocation: OCSP first, else the list; hard fail
    "list-good": "good",
    "list-revoked": "Certificate has been revoked",
    "list-stale": "Certificate does not specify OCSP responder",
    "list-absent": "Certificate does not specify OCSP responder",
    "list-forged": "Certificate does not specify OCSP responder",
    "ocsp-good": "good",
    "ocsp-revoked": "Certificate has been revoked",
    "ocsp-unknown": "revocation status is unknown",
    "ocsp-stale": "validity interval is out-of-date",
    "ocsp-absent": "404",
    "ocsp-forged": "",  # its words differ by version
    "revoked": "Certificate has been revoked",
}


def test_every_case_is_judged_here(lab: Lab) -> None:
    cases = {each["case"] for each in lab.document["cases"] if each["theme"] == "revocation"}
    assert cases == {*LISTS, *RESPONDERS} - {"revoked"} == set(JAVA) - {"revoked"}
    assert all(lab.port(each) for each in cases)


def leaf_of(lab: Lab, case: str, folder: Path) -> Path:
    """Its certificate, as its port shows it."""
    file = folder / "leaf.pem"
    leaf = look(lab.port(case), "localhost", careless()).leaf
    done = subprocess.run([tool("openssl"), "x509", "-inform", "DER", "-out", file], input=leaf, capture_output=True)
    assert done.returncode == 0
    return file


# Lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LISTS)
def test_openssl_fetches_the_list_and_finds(lab: Lab, case: str) -> None:
    before = lab.opened.asked(case)
    printed = run(
        tool("openssl"), "s_client", "-connect", f"localhost:{lab.port(case)}", "-CAfile", lab.ca(),
        "-crl_check", "-crl_download", "-verify_hostname", "localhost",
    ).stdout  # fmt: skip
    codes = set(re.findall(r"Verify return code: (\d+)", printed))
    assert codes == {str(LISTS[case])}, printed
    asked = lab.opened.asked(case) - before
    assert set(asked) == ({"crl"} if case in LISTS and not case.startswith("ocsp") and case != "list-absent" else set())


@pytest.mark.parametrize("case", LISTS)
def test_who_does_not_ask_accepts_it(lab: Lab, case: str) -> None:
    before = lab.opened.asked(case)
    printed = run(
        tool("openssl"), "s_client", "-connect", f"localhost:{lab.port(case)}", "-CAfile", lab.ca(), "-x509_strict"
    ).stdout
    assert "Verify return code: 0 (ok)" in printed
    assert lab.opened.asked(case) == before


@pytest.mark.parametrize("case", ["list-good", "list-revoked", "list-stale", "list-forged", "revoked"])
def test_the_list_is_one_in_der_for_curl_and_openssl(lab: Lab, case: str, tmp_path: Path) -> None:
    leaf = x509.load_pem_x509_certificate(leaf_of(lab, case, tmp_path).read_bytes())
    point = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0].full_name
    assert point
    url, file = point[0].value, tmp_path / "list.crl"
    done = run(tool("curl"), "-sS", "-f", "-o", file, "-w", "%{content_type}", url)
    assert done.stdout == "application/pkix-crl"
    checked = run(
        tool("openssl"), "crl", "-inform", "DER", "-in", file, "-CAfile", lab.ca(), "-noout", "-text", "-verify"
    )
    assert ("verify OK" in checked.stdout + checked.stderr) is (case != "list-forged"), checked.stderr
    listed = re.findall(r"Serial Number: ([0-9A-F]+)", checked.stdout)
    mine = [each for each in listed if int(each, 16) == leaf.serial_number]
    assert len(mine) == (1 if case in ("list-revoked", "revoked") else 0)


# Responders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RESPONDERS)
def test_openssl_asks_the_responder_and_is_told(lab: Lab, case: str, tmp_path: Path) -> None:
    leaf = leaf_of(lab, case, tmp_path)
    url = run(tool("openssl"), "x509", "-in", leaf, "-noout", "-ocsp_uri").stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    before = lab.opened.asked(case)
    done = run(
        tool("openssl"), "ocsp", "-issuer", lab.ca(), "-cert", leaf.name, "-url", url, "-CAfile", lab.ca(), cwd=tmp_path
    )
    printed = done.stdout + done.stderr
    for word in RESPONDERS[case].split("|"):
        assert word in printed, printed
    assert lab.opened.asked(case) - before == Counter({"ocsp": 0 if case == "ocsp-absent" else 1}) + Counter()


@pytest.mark.parametrize("case", GNUTLS)
def test_gnutls_asks_the_responder_and_finds(lab: Lab, case: str) -> None:
    words, goes_on = GNUTLS[case]
    done = run(
        tool("gnutls-cli"), "--x509cafile", lab.ca(), "--ocsp", "--port", str(lab.port(case)), "localhost",
        stdin=None, input="hello\n",
    )  # fmt: skip
    assert words in done.stdout + done.stderr
    assert (done.returncode == 0) is goes_on, done.stdout + done.stderr
    assert (f"case:      {case}" in done.stdout) is goes_on


def test_what_is_forged_differs_in_its_signature_alone(lab: Lab, tmp_path: Path) -> None:
    """Name, key identifier and serial are right: who looks at those alone takes it."""
    root = x509.load_pem_x509_certificate(Path(lab.ca()).read_bytes())
    forged = x509.load_der_x509_crl(fetched(lab, "list-forged", tmp_path))
    honest = x509.load_der_x509_crl(fetched(lab, "list-good", tmp_path))
    assert forged.issuer == honest.issuer == root.subject
    identifiers = [each.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
                   for each in (forged, honest)]  # fmt: skip
    assert identifiers[0] == identifiers[1]
    key = root.public_key()
    assert honest.is_signature_valid(key)  # type: ignore[arg-type]  # an EC key, which this takes
    assert not forged.is_signature_valid(key)  # type: ignore[arg-type]  # the same key


def fetched(lab: Lab, case: str, folder: Path) -> bytes:
    file = folder / f"{case}.crl"
    assert (
        run(tool("curl"), "-sS", "-f", "-o", file, lab.opened.ca.publisher.url(path(case, Where.CRL))).returncode == 0
    )
    return file.read_bytes()


# Both -----------------------------------------------------------------------------------------------------------------

PROGRAM = """
import java.io.*; import java.net.*; import java.security.*; import java.security.cert.*; import javax.net.ssl.*;
public class Asking {
  public static void main(String[] words) throws Exception {
    Security.setProperty("ocsp.enable", "true");
    KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
    anchors.load(null);
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    anchors.setCertificateEntry("lab", factory.generateCertificate(new FileInputStream(words[0])));
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    for (int i = 1; i < words.length; i++) {
      try {
        HttpsURLConnection asked = (HttpsURLConnection)
            new URL("https://localhost:" + words[i] + "/").openConnection();
        asked.setSSLSocketFactory(context.getSocketFactory());
        asked.getInputStream().readAllBytes();
        System.out.println("good");
      } catch (Exception error) {
        Throwable cause = error;
        while (cause.getCause() != null) cause = cause.getCause();
        System.out.println(String.valueOf(cause.getMessage()).replace('\\n', ' '));
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def java_finds(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a Java client comes to, case by case, in one process."""
    program = tmp_path_factory.mktemp("java") / "Asking.java"
    program.write_text(PROGRAM)
    done = run(
        tool("java", *COMPILER), "-XX:TieredStopAtLevel=1", "-Dcom.sun.net.ssl.checkRevocation=true",
        "-Dcom.sun.security.enableCRLDP=true", program, lab.ca(), *(str(lab.port(case)) for case in JAVA),
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(JAVA), done.stderr
    return dict(zip(JAVA, lines, strict=True))


@pytest.mark.parametrize("case", JAVA)
def test_java_asks_and_finds(java_finds: dict[str, str], case: str) -> None:
    assert JAVA[case] in java_finds[case]
    assert (java_finds[case] == "good") is (JAVA[case] == "good")


@pytest.mark.parametrize("case", [each for each in CATALOGUE if CATALOGUE[each].theme == "correct"][:3])
def test_other_certificates_do_not_say_where(lab: Lab, case: str) -> None:
    leaf = x509.load_der_x509_certificate(look(lab.port(case), lab.case(case)["host"], careless()).leaf)
    kinds = {type(each.value) for each in leaf.extensions}
    assert not kinds & {x509.CRLDistributionPoints, x509.AuthorityInformationAccess}
