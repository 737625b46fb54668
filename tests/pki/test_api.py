"""The public API: `import pki`. Falsehood caught: it works with our own verifier only, or leaves a key behind."""

import ipaddress
import os
import pydoc
import re
import shutil
import ssl
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

import pki
from pki import CA, Credential, InvalidName, KeyType, Problem, cases, verify
from pki.store import crls as store_crls
from tests import guides
from tests.conftest import ROOT, mint, module, run, tool

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ca() -> CA:
    """A CA that no test changes."""
    return CA.create("Example")


@pytest.fixture(scope="module")
def shop(ca: CA) -> Credential:
    return ca.issue("shop.example", "127.0.0.1")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which `tempfile` works now."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """A TLS handshake in memory. Raises the first error of either side."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    waiting = list(sides)
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not waiting


def server_context(credential: "Credential | cases.Served") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    credential.configure(context)
    return context


def client_context(*trusted: "CA | cases.Served | pki.CRLs") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in trusted:
        each.configure(context) if isinstance(each, pki.CRLs) else each.configure_trust(context)
    return context


def by_openssl(credential: Credential, ca: CA, folder: Path, *options: str) -> str:
    """`openssl verify -x509_strict`: "OK", or its error. With -crl_check_all among the options, CRLs are given."""
    files = {"root.pem": ca.root_pem, "chain.pem": credential.chain_pem, "crl.pem": ca.crl().pem}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    lists = ("-CRLfile", "crl.pem") if options else ()
    done = run(
        tool("openssl"), "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "chain.pem", *lists, *options,
        "chain.pem", cwd=folder,
    )  # fmt: skip
    found = re.search(r"error \d+ at \d+ depth lookup: (.*)", done.stderr)
    return found[1] if found else done.stdout.strip().removeprefix("chain.pem: ")


# The names ----------------------------------------------------------------------------------------------------------


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(pki) == sorted(pki.__all__)
    assert {name for name in pki.__all__ if not getattr(pki, name).__doc__} == set()


def test_help_shows_every_public_name_with_its_methods() -> None:
    text = pydoc.plain(pydoc.render_doc(pki))
    classes = [name for name in pki.__all__ if isinstance(getattr(pki, name), type)]
    assert [name for name in classes if not re.search(rf"^    class {name}\(", text, re.MULTILINE)] == []
    assert re.search(r"^    verify\(", text, re.MULTILINE)
    for method in ("create", "open", "issue", "revoke", "crl", "configure_trust", "configure", "write"):
        assert f" {method}(" in text


@pytest.mark.parametrize("owner", [CA, Credential, pki.CRLs, cases.MintedCase], ids=lambda each: each.__name__)
def test_every_public_method_has_a_docstring(owner: type) -> None:
    own = {name: value for name, value in vars(owner).items() if not name.startswith("_")}
    bare = [
        name for name, value in own.items()
        if (callable(value) or isinstance(value, property | classmethod)) and not value.__doc__
    ]  # fmt: skip
    assert bare == []


def test_the_guide_names_every_public_name() -> None:
    library = guides.text("pki/README.md").partition("\n## Library\n")[2].partition("\n## ")[0]
    assert [name for name in pki.__all__ if not re.search(rf"`(pki\.)?{name}\b", library)] == []


def test_import_pki_loads_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import pki; dir(pki); print(set(sys.modules) - before)"
    assert run(sys.executable, "-c", program, cwd=ROOT).stdout.strip() == "{'pki'}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Authorities"):
        _ = pki.Authorities  # type: ignore[attr-defined]  # it does not exist


USER_PROGRAM = """
import ssl
from datetime import datetime, timedelta
from pki import CA, Credential, CRLs, KeyType, Verdict, cases, verify

ca = CA.create("Example", key_type="ed25519", permit=["test"])
shop: Credential = ca.issue("shop.test", days=7, key_type=KeyType.EC_P256)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
shop.configure(context)
ca.configure_trust(context)
ca.revoke(shop, reason="key-compromise")
lists: CRLs = ca.crl()
verdict: Verdict = verify(shop, name="shop.test", trust=ca, crls=lists)
print(verdict.accepted, verdict.failure and verdict.failure.section)
pem: bytes = cases.mint("expired", "shop.test").control.chain_pem
reveal_type(verdict.reason)
ca.issue(5)
"""


def test_a_user_of_the_installed_package_gets_its_types(tmp_path: Path) -> None:
    module("mypy")
    (tmp_path / "program.py").write_text(USER_PROGRAM)
    done = run(
        sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", tmp_path / "cache",
        "program.py", cwd=tmp_path,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("program.py")]
    assert len(lines) == 2, done.stdout + done.stderr
    assert 'Revealed type is "str | None"' in lines[0].replace("builtins.", "")
    assert "[arg-type]" in lines[1]  # the argument 5


# Create and issue -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", KeyType, ids=lambda each: each.value)
@pytest.mark.parametrize("intermediate", [True, False], ids=["below an intermediate", "below the root"])
def test_openssl_and_ssl_accept_what_a_ca_issues(key_type: KeyType, intermediate: bool, tmp_path: Path) -> None:
    ca = CA.create("Example", key_type=key_type.value, intermediate=intermediate)
    shop = ca.issue("shop.example", "127.0.0.1", "::1")
    assert by_openssl(shop, ca, tmp_path) == "OK"
    assert len(shop.chain) == 1 + intermediate
    assert (ca.intermediate is not None) is intermediate
    handshake(server_context(shop), client_context(ca), "shop.example")
    handshake(server_context(shop), client_context(ca), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="bank"):
        handshake(server_context(shop), client_context(ca), "bank.example")


def test_another_ca_with_the_same_name_is_not_trusted(ca: CA, shop: Credential) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_context(shop), client_context(CA.create("Example")), "shop.example")


def test_a_server_can_ask_for_a_certificate_of_the_client(ca: CA, shop: Credential) -> None:
    server, client = server_context(shop), client_context(ca)
    server.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(server)
    with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
        handshake(server, client, "shop.example")
    ca.issue("ann@shop.example", client=True).configure(client)
    handshake(server, client, "shop.example")


def test_names_are_hosts_wildcards_addresses_as_text_or_as_objects(ca: CA) -> None:
    given = ("*.bücher.example", "::1", ipaddress.ip_address("192.0.2.1"))
    found = pki.names.of_certificate(ca.issue(*given).certificate)
    assert [str(each.value) for each in found] == ["*.xn--bcher-kva.example", "::1", "192.0.2.1"]


@pytest.mark.parametrize(
    ("arguments", "begin", "end"),
    [
        ({}, -timedelta(hours=1), 90 * DAY),
        ({"days": 7}, -timedelta(hours=1), 7 * DAY),
        ({"days": 0.5}, -timedelta(hours=1), DAY / 2),
        ({"not_after": NOW + DAY}, -timedelta(hours=1), DAY),
        ({"not_after": NOW - DAY}, -91 * DAY, -DAY),  # expired
        ({"not_before": NOW - 10 * DAY, "days": 3}, -10 * DAY, -7 * DAY),
        ({"not_before": NOW + DAY}, DAY, 91 * DAY),  # not yet valid
        ({"not_before": NOW - 2 * DAY, "not_after": NOW - DAY}, -2 * DAY, -DAY),
        ({"not_after": (NOW + DAY).astimezone()}, -timedelta(hours=1), DAY),
        ({"days": 100_000}, -timedelta(hours=1), 1825 * DAY),  # ends with the intermediate CA
    ],
    ids=[
        "default",
        "days",
        "half a day",
        "end",
        "expired",
        "begin and days",
        "not yet valid",
        "both",
        "local zone",
        "beyond the CA",
    ],
)
def test_validity(arguments: dict[str, Any], begin: timedelta, end: timedelta) -> None:
    leaf = CA.create(clock=lambda: NOW).issue("shop.example", **arguments).certificate
    assert (leaf.not_valid_before_utc - NOW, leaf.not_valid_after_utc - NOW) == (begin, end)


def deterministic() -> CA:
    """A CA that is the same each time: Ed25519 keys from a seed, serial numbers 1, 2, 3, and one moment."""
    seeds, serials = iter(range(100)), iter(range(1, 100))
    return CA.create(
        clock=lambda: datetime(2026, 11, 26, 12, tzinfo=UTC),
        new_key=lambda kind: ed25519.Ed25519PrivateKey.from_private_bytes(next(seeds).to_bytes(32)),
        new_serial=lambda: next(serials),
    )


def test_with_clock_keys_and_serials_given_the_bytes_are_the_same() -> None:
    def everything(ca: CA) -> list[bytes]:
        shop = ca.issue("shop.example")
        ca.revoke(shop)
        return [ca.root_pem, shop.chain_pem, shop.key_pem, ca.crl().pem]

    assert everything(deterministic()) == everything(deterministic())


def test_a_given_key_is_used(ca: CA) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    assert ca.issue("shop.example", key=key).certificate.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("permit", "exclude", "allowed", "refused"),
    [
        (["test", "127.0.0.0/8"], [], ["test", "a.test", "127.1.2.3"], ["example", "10.0.0.1", "::1"]),
        ([], ["bank.example"], ["shop.example", "10.0.0.1"], ["bank.example", "www.bank.example"]),
        (["127.0.0.0/8"], [], ["127.0.0.1"], ["localhost"]),
    ],
)
def test_name_constraints(
    permit: list[str], exclude: list[str], allowed: list[str], refused: list[str], tmp_path: Path
) -> None:
    ca = CA.create(permit=permit, exclude=exclude)
    for name in allowed:
        assert by_openssl(ca.issue(name), ca, tmp_path) == "OK"
    for name in refused:
        with pytest.raises(ValueError, match="do not permit"):
            ca.issue(name)


P256 = ec.generate_private_key(ec.SECP256R1())
LAST_YEAR = datetime(9999, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))  # in UTC it is in the year 10000


class NotAContext:
    """An object with the method of a context."""

    def load_cert_chain(self, file: str) -> None: ...


MISUSE: dict[str, tuple[type[Exception], str, Callable[[CA], object]]] = {
    "no name": (ValueError, "at least one name", lambda ca: ca.issue()),
    "an empty name": (InvalidName, "empty", lambda ca: ca.issue("")),
    "an underscore": (InvalidName, "underscore", lambda ca: ca.issue("a_b.example")),
    "a URL": (InvalidName, "https", lambda ca: ca.issue("https://shop.example/")),
    "a list of names": (TypeError, "separate arguments", lambda ca: ca.issue(["a.example"])),  # type: ignore[arg-type]  # the wrong type is the test
    "bytes": (TypeError, "bytes", lambda ca: ca.issue(b"a.example")),  # type: ignore[arg-type]  # the wrong type is the test
    "a mail address for a server": (ValueError, "client=True", lambda ca: ca.issue("ann@shop.example")),
    "an unknown key type": (ValueError, "choose one of ec-p256", lambda ca: ca.issue("a.example", key_type="dsa")),
    "a key type of another type": (TypeError, "KeyType", lambda ca: ca.issue("a.example", key_type=256)),  # type: ignore[arg-type]  # the wrong type is the test
    "key and key type": (ValueError, "exclude", lambda ca: ca.issue("a.b", key=P256, key_type="ed25519")),
    "a key as text": (TypeError, "private key", lambda ca: ca.issue("a.b", key="PEM")),  # type: ignore[arg-type]  # the wrong type is the test
    "days and end": (ValueError, "both set the end", lambda ca: ca.issue("a.b", days=1, not_after=NOW)),
    "days as text": (TypeError, "number", lambda ca: ca.issue("a.b", days="7")),  # type: ignore[arg-type]  # the wrong type is the test
    "days as a boolean": (TypeError, "number", lambda ca: ca.issue("a.b", days=True)),
    "no days": (ValueError, "too few", lambda ca: ca.issue("a.b", days=0)),
    "negative days": (ValueError, "too few", lambda ca: ca.issue("a.b", days=-1)),
    "not a number": (ValueError, "days", lambda ca: ca.issue("a.b", days=float("nan"))),
    "infinitely many days": (ValueError, "days", lambda ca: ca.issue("a.b", days=float("inf"))),
    "more days than there are": (ValueError, "years 1 to 9999", lambda ca: ca.issue("a.b", days=9_999_999)),
    "a time without a zone": (ValueError, "time zone", lambda ca: ca.issue("a.b", not_after=datetime(2030, 1, 1))),
    "a time as text": (TypeError, "datetime", lambda ca: ca.issue("a.b", not_before="2026-11-26")),  # type: ignore[arg-type]  # the wrong type is the test
    "the last moment in another zone": (ValueError, "years", lambda ca: ca.issue("a.b", not_after=LAST_MOMENT)),
    "end before begin": (ValueError, "before it", lambda ca: ca.issue("a.b", not_before=NOW, not_after=NOW - DAY)),
    "begin after the CA": (ValueError, "after that of the CA", lambda ca: ca.issue("a.b", not_before=NOW + 9999 * DAY)),
    "the root": (ValueError, "root CA cannot be revoked", lambda ca: ca.revoke(ca.root)),
    "a foreign certificate": (ValueError, "not issued by this CA", lambda ca: ca.revoke(CA.create().issue("a.b"))),
    "serial number 0": (ValueError, "serial number", lambda ca: ca.revoke(0)),
    "a serial number as text": (TypeError, "serial number", lambda ca: ca.revoke("1f")),  # type: ignore[arg-type]  # the wrong type is the test
    "True as a serial number": (TypeError, "serial number", lambda ca: ca.revoke(True)),
    "an unknown reason": (ValueError, "key-compromise", lambda ca: ca.revoke(5, reason="stolen")),
    "a reason that is undone later": (
        ValueError, "final", lambda ca: ca.revoke(5, reason=x509.ReasonFlags.certificate_hold)
    ),
    "a reason of another type": (TypeError, "reason", lambda ca: ca.revoke(5, reason=1)),  # type: ignore[arg-type]  # the wrong type is the test
    "a CRL for no time": (ValueError, "too few", lambda ca: ca.crl(days=0)),
    "a CRL for ever": (ValueError, "9999", lambda ca: ca.crl(days=9_999_999)),
    "a CA without a name": (ValueError, "CA name", lambda ca: CA.create(" ")),
    "a CA with a long name": (ValueError, "50 bytes", lambda ca: CA.create("ü" * 26)),
    "a CA name of another type": (TypeError, "str", lambda ca: CA.create(None)),  # type: ignore[arg-type]  # the wrong type is the test
    "permit as one text": (TypeError, "list of str", lambda ca: CA.create(permit="test")),
    "permit with a wildcard": (InvalidName, "name constraint", lambda ca: CA.create(permit=["*.test"])),
    "permit of another type": (TypeError, "list of str", lambda ca: CA.create(permit=[5])),  # type: ignore[list-item]  # the wrong type is the test
    "a clock without a zone": (ValueError, "the clock needs", lambda ca: CA.create(clock=lambda: datetime(2026, 1, 1))),
    "a context of another kind": (TypeError, "SSLContext", lambda ca: ca.configure_trust(NotAContext())),  # type: ignore[arg-type]  # the wrong type is the test
    "a credential for another context": (TypeError, "SSLContext", lambda ca: ca.issue("a.b").configure(NotAContext())),  # type: ignore[arg-type]  # the wrong type is the test
    "CRLs for another context": (TypeError, "SSLContext", lambda ca: ca.crl().configure(NotAContext())),  # type: ignore[arg-type]  # the wrong type is the test
    "verify text": (TypeError, "bytes", lambda ca: verify("shop.pem", name=None, trust=ca)),  # type: ignore[arg-type]  # the wrong type is the test
    "verify nothing": (ValueError, "no certificate", lambda ca: verify(b"", name=None, trust=ca)),
    "verify a key": (ValueError, "no certificate", lambda ca: verify(ca.issue("a.b").key_pem, name=None, trust=ca)),
    "trust a path": (TypeError, "trust", lambda ca: verify(ca.root, name=None, trust="root.pem")),  # type: ignore[arg-type]  # the wrong type is the test
    "trust empty bytes": (ValueError, "no certificate", lambda ca: verify(ca.root, name=None, trust=b"")),
    "verify for a wildcard": (InvalidName, "one host", lambda ca: verify(ca.root, name="*.a.example", trust=ca)),
    "an unknown purpose": (
        ValueError, "server, client, any", lambda ca: verify(ca.root, name=None, trust=ca, purpose="mail")
    ),
    "an unknown profile": (ValueError, "webpki", lambda ca: verify(ca.root, name=None, trust=ca, profile="web")),
    "verify at a time without a zone": (
        ValueError, "time zone", lambda ca: verify(ca.root, name=None, trust=ca, at=datetime(2026, 1, 1))
    ),
    "CRLs as bytes": (TypeError, "crls", lambda ca: verify(ca.root, name=None, trust=ca, crls=ca.crl().pem)),  # type: ignore[arg-type]  # the wrong type is the test
    "an unknown case": (ValueError, "did you mean expired", lambda ca: cases.mint("expird")),
    "a case of another type": (TypeError, "str", lambda ca: cases.mint(5)),  # type: ignore[arg-type]  # the wrong type is the test
    "a case for a mail address": (ValueError, "mail address", lambda ca: cases.mint("expired", "ann@a.example")),
    "a case for a bad name": (InvalidName, "underscore", lambda ca: cases.mint("expired", "a_b")),
    "a case for a long name": (ValueError, "limit", lambda ca: cases.mint("expired", "a." * 40 + "example")),
    "a case at a time as text": (TypeError, "datetime", lambda ca: cases.mint("expired", now="now")),  # type: ignore[arg-type]  # the wrong type is the test
    "a case at the end of time": (ValueError, "9999", lambda ca: cases.mint("expired", now=LAST_MOMENT)),
    "a clock at the end of time": (ValueError, "9999", lambda ca: CA.create(clock=lambda: LAST_YEAR)),
    "a surrogate": (InvalidName, "host name", lambda ca: ca.issue("\ud800.example")),
    "a NUL": (InvalidName, "host name", lambda ca: ca.issue("a\0.example")),
    "a port": (InvalidName, "port", lambda ca: ca.issue("a.example:443")),
    "a case at a time without a zone": (
        ValueError, "time zone", lambda ca: cases.mint("expired", now=datetime(2026, 1, 1))
    ),
}  # fmt: skip


@pytest.mark.parametrize("misuse", MISUSE)
def test_misuse_is_a_value_error_or_a_type_error_in_plain_text(ca: CA, misuse: str) -> None:
    expected, words, use = MISUSE[misuse]
    with pytest.raises(expected, match=re.escape(words)) as raised:
        use(ca)
    assert type(raised.value) is expected
    assert "--" not in str(raised.value)  # an option of the command line


# Revoke ---------------------------------------------------------------------------------------------------------------


def test_everyone_sees_a_revocation(tmp_path: Path) -> None:
    ca = CA.create()
    shop, other = ca.issue("shop.example"), ca.issue("other.example")
    before = ca.crl()
    handshake(server_context(shop), client_context(ca, before), "shop.example")
    ca.revoke(shop, reason="key-compromise")
    assert verify(shop, name=None, trust=ca, crls=before).accepted  # a CRL does not change
    assert "was revoked" in str(verify(shop, name=None, trust=ca, crls=ca.crl()).reason)
    assert by_openssl(shop, ca, tmp_path, "-crl_check_all") == "certificate revoked"
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        handshake(server_context(shop), client_context(ca, ca.crl()), "shop.example")
    assert by_openssl(other, ca, tmp_path, "-crl_check_all") == "OK"
    handshake(server_context(other), client_context(ca, ca.crl()), "other.example")


def test_an_intermediate_ca_is_revoked_by_the_root(tmp_path: Path) -> None:
    ca = CA.create()
    shop = ca.issue("shop.example")
    assert ca.intermediate
    ca.revoke(ca.intermediate, reason=x509.ReasonFlags.ca_compromise)
    root_list, own_list = ca.crl()
    assert root_list.get_revoked_certificate_by_serial_number(ca.intermediate.serial_number)
    assert len(own_list) == 0
    assert by_openssl(shop, ca, tmp_path, "-crl_check_all") == "certificate revoked"


@pytest.mark.parametrize(
    "given", [lambda each: each, lambda each: each.certificate, lambda each: each.certificate.serial_number]
)
def test_a_certificate_is_given_as_credential_certificate_or_serial_number(given: Callable[[Credential], Any]) -> None:
    ca = CA.create()
    shop = ca.issue("shop.example")
    ca.revoke(given(shop))
    assert ca.crl().lists[1].get_revoked_certificate_by_serial_number(shop.certificate.serial_number)


def test_the_first_revocation_counts() -> None:
    times = iter(NOW + timedelta(minutes=minute) for minute in range(100))
    ca = CA.create(clock=lambda: next(times))
    shop = ca.issue("shop.example")
    ca.revoke(shop, reason="superseded")
    first = ca.crl().lists[1]
    ca.revoke(shop, reason="key-compromise")
    second = ca.crl().lists[1]
    (one,), (other,) = first, second
    assert one.revocation_date_utc == other.revocation_date_utc
    assert one.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.superseded
    assert other.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.superseded


def test_crls_as_pem_and_der_are_the_same() -> None:
    lists = CA.create().crl()
    assert len(lists) == 2
    assert list(lists) == x509_lists(lists.pem) == [x509.load_der_x509_crl(each) for each in lists.der]


def x509_lists(pem: bytes) -> list[x509.CertificateRevocationList]:
    parts = re.findall(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n", pem, re.DOTALL)
    return [x509.load_pem_x509_crl(part) for part in parts]


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_threads_may_issue_and_revoke_at_the_same_time() -> None:
    ca, barrier = CA.create(), threading.Barrier(8)

    def work(_: int) -> tuple[list[int], list[int]]:
        barrier.wait()
        serials, numbers = [], []
        for _ in range(20):
            credential = ca.issue("shop.example")
            ca.revoke(credential)
            serials.append(credential.certificate.serial_number)
            numbers.append(number(ca.crl().lists[1]))
        return serials, numbers

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, range(8)))
    serials = [serial for found, _ in done for serial in found]
    numbers = [each for _, found in done for each in found]
    assert sorted(numbers) == list(range(1, 161))  # no number twice (RFC 5280 §5.2.3)
    assert len(set(serials)) == 160
    assert {entry.serial_number for entry in ca.crl().lists[1]} == set(serials)


# A folder -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mint(tmp_path / "certs")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_an_opened_folder_issues_and_revokes_and_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    before = contents(folder)
    ca = CA.open(folder)
    shop = ca.issue("shop.example")
    assert ca.root_pem == (folder / "root.pem").read_bytes()
    assert by_openssl(shop, ca, tmp_path) == "OK"
    ca.revoke(shop)
    assert by_openssl(shop, ca, tmp_path, "-crl_check_all") == "certificate revoked"
    assert contents(folder) == before


def test_what_is_revoked_in_the_folder_stays_revoked(folder: Path) -> None:
    done = store_crls.revoke(folder, "server", reason=x509.ReasonFlags.key_compromise, days=30, now=NOW)
    ca = CA.open(folder)
    ca.revoke(5)
    root_list, own_list = ca.crl()
    assert {entry.serial_number for entry in own_list} == {5, done.found.serial}
    assert number(own_list) == (done.lists[1].number or 0) + 1
    assert number(root_list) == (done.lists[0].number or 0) + 1
    assert not verify((folder / "server.pem").read_bytes(), name="localhost", trust=ca, crls=ca.crl()).accepted


def test_without_the_roots_key_its_crl_stays(folder: Path) -> None:
    (folder / "root.key").unlink()
    ca = CA.open(folder)
    root_list, own_list = ca.crl()
    assert root_list.public_bytes(Encoding.PEM) in (folder / "crl.pem").read_bytes()
    assert number(own_list) == 2
    assert ca.intermediate
    with pytest.raises(ValueError, match="key of the root CA is missing"):
        ca.revoke(ca.intermediate)


@pytest.mark.parametrize("damage", ["missing", "empty", "of another CA"])
def test_without_its_crls_a_folder_issues_but_signs_no_crl(folder: Path, damage: str, tmp_path: Path) -> None:
    if damage == "missing":
        (folder / "crl.pem").unlink()
    else:
        (folder / "crl.pem").write_bytes(b"" if damage == "empty" else CA.create().crl().pem)
    ca = CA.open(folder)
    assert verify(ca.issue("shop.example"), name="shop.example", trust=ca).accepted
    for use in (ca.crl, lambda: ca.revoke(5)):
        with pytest.raises(Problem, match=r"crl\.pem"):
            use()


def test_a_folder_that_was_replaced_meanwhile_signs_no_crl(folder: Path) -> None:
    ca = CA.open(folder)
    shutil.rmtree(folder)
    mint(folder)
    with pytest.raises(Problem, match="was replaced"):
        ca.crl()


@pytest.mark.parametrize("file", ["root.pem", "intermediate.pem", "intermediate.key"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_folder_that_cannot_be_read_is_a_problem_with_the_file(folder: Path, file: str, damage: str) -> None:
    (folder / file).unlink() if damage == "missing" else (folder / file).write_text("-----BEGIN")
    with pytest.raises(Problem, match=re.escape(file)):
        CA.open(folder)


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="pki init"):
        CA.open(tmp_path / "none")


def test_a_ca_that_has_expired_is_a_problem(folder: Path) -> None:
    with pytest.raises(Problem, match="expired"):
        CA.open(folder, clock=lambda: NOW + 1900 * DAY)


def test_new_keys_have_the_type_of_the_folders_ca(tmp_path: Path) -> None:
    ca = CA.open(mint(tmp_path / "certs", KeyType.ED25519))
    assert isinstance(ca.issue("shop.example").key, ed25519.Ed25519PrivateKey)


# Hand over ------------------------------------------------------------------------------------------------------------


class SpyContext(ssl.SSLContext):
    """A context that looks at the file from which it loads."""

    seen: list[tuple[int, bytes]]

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        path = Path(certfile)
        self.seen = [*getattr(self, "seen", []), (stat.S_IMODE(path.stat().st_mode), path.read_bytes())]
        super().load_cert_chain(certfile, keyfile, password)


def test_the_key_passes_through_an_encrypted_file_for_this_user_that_is_removed(
    shop: Credential, temporary: Path
) -> None:
    context = SpyContext(ssl.PROTOCOL_TLS_SERVER)
    shop.configure(context)
    ((mode, data),) = context.seen
    assert mode == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in data
    assert list(temporary.iterdir()) == []


def unusable() -> Iterator[tuple[str, Callable[[ssl.SSLContext], None]]]:
    ca = CA.create()
    shop, other = ca.issue("shop.example"), ca.issue("other.example")
    yield "the key of another certificate", replace(shop, key=other.key).configure
    yield "a weak key", cases.mint("rsa512").configure
    yield "another weak key", cases.mint("rsa768").configure
    yield "an unreadable key", replace(cases.mint("good").control, key_pem=b"-----BEGIN PRIVATE KEY-----\n").configure


UNUSABLE = dict(unusable())


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_openssl_does_not_load_is_a_value_error_and_leaves_no_file(what: str, temporary: Path) -> None:
    with pytest.raises(ValueError, match="OpenSSL does not load the certificate") as raised:
        UNUSABLE[what](ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert str(temporary) not in str(raised.value)
    assert list(temporary.iterdir()) == []


def test_configure_trust_and_crls_leave_no_file(ca: CA, temporary: Path) -> None:
    client_context(ca, ca.crl())
    assert list(temporary.iterdir()) == []


def test_files_are_for_load_cert_chain_and_the_key_is_for_this_user(shop: Credential, tmp_path: Path) -> None:
    files = shop.write(tmp_path / "new" / "folder")
    assert (files.chain.name, files.key.name) == ("shop.example.pem", "shop.example.key")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)


@pytest.mark.parametrize("present", ["shop.example.key", "shop.example.pem"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_an_existing_file_is_not_replaced_and_nothing_else_is_left(
    shop: Credential, tmp_path: Path, present: str, kind: str
) -> None:
    target, folder = tmp_path / "target", tmp_path / "out"
    target.write_text("precious")
    folder.mkdir()
    (folder / present).symlink_to(target) if kind == "link" else (folder / present).write_text("precious")
    with pytest.raises(FileExistsError):
        shop.write(folder)
    assert [path.name for path in folder.iterdir()] == [present]
    assert (folder / present).read_text() == target.read_text() == "precious"


@pytest.mark.parametrize("name", ["../../x", "/etc/x", ".hidden", "a/b", "-rf", "a\nb", ""])
def test_a_foreign_name_stays_in_the_folder(ca: CA, tmp_path: Path, name: str) -> None:
    credential = ca._issuing.issue(
        pki.profiles.SERVER,
        alternative_names=[x509.DNSName(name)],
        key=ec.generate_private_key(ec.SECP256R1()),
        validity=pki.authority.Validity(NOW, NOW + DAY),
        serial=0xABC,
        subject=x509.Name([]),
    )
    folder = tmp_path / "out"
    assert [path.name for path in credential.write(folder)] == ["abc.pem", "abc.key"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    ("name", "stem"), [("*.a.test", "_wildcard.a.test"), ("::1", "__1"), ("ann@a.test", "ann@a.test")]
)
def test_the_first_name_is_the_name_of_the_files(ca: CA, tmp_path: Path, name: str, stem: str) -> None:
    assert ca.issue(name, client=True).write(tmp_path).chain.name == f"{stem}.pem"


def test_a_full_disk_leaves_no_half_credential(
    shop: Credential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, opened = os.open, list[str]()

    def failing(path: Any, *arguments: Any, **named: Any) -> int:
        opened.append(str(path))
        if len(opened) == 2:
            raise OSError(28, "No space left on device")
        return original(path, *arguments, **named)

    monkeypatch.setattr("pki.handover.os.open", failing)
    with pytest.raises(OSError, match="No space left"):
        shop.write(tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


# Verify and test certificates -----------------------------------------------------------------------------------------


def test_verify_takes_a_credential_a_certificate_pem_and_der(ca: CA, shop: Credential) -> None:
    der = shop.certificate.public_bytes(Encoding.DER)
    anchors = [ca.root]
    for form, rest in ((shop, ()), (shop.certificate, shop.issuers), (shop.chain_pem, ()), (der, shop.issuers)):
        for trust in (ca, anchors, ca.root_pem):
            verdict = verify(form, name="shop.example", trust=trust, intermediates=rest)
            assert verdict.accepted, verdict.reason
    assert verify(shop, name=ipaddress.ip_address("127.0.0.1"), trust=ca).accepted
    assert not verify(shop, name="shop.example", trust=ca, at=NOW + 91 * DAY).accepted
    assert not verify(shop, name="shop.example", trust=ca, purpose="client").accepted
    assert not verify(shop, name="shop.example", trust=[]).accepted


def test_verify_matches_a_mail_address(ca: CA) -> None:
    ann = ca.issue("ann@shop.example", client=True)
    assert verify(ann, name="ann@shop.example", trust=ca, purpose="client").accepted
    assert not verify(ann, name="bob@shop.example", trust=ca, purpose="client").accepted


def test_a_damaged_certificate_is_a_verdict_not_an_exception(ca: CA, shop: Credential) -> None:
    der = bytearray(shop.certificate.public_bytes(Encoding.DER))
    for place in range(0, len(der), 7):
        damaged = bytes(der[:place] + bytes([der[place] ^ 0xFF]) + der[place + 1 :])
        pem = ssl.DER_cert_to_PEM_cert(damaged).encode()
        assert not verify(pem, name="shop.example", trust=ca).accepted
    cut = verify(ssl.DER_cert_to_PEM_cert(bytes(der[:100])).encode(), name=None, trust=ca)
    assert cut.failure and (cut.failure.name, cut.failure.section) == ("form", "RFC 5280 §4.1")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", cases.CATALOGUE)
def test_every_case_is_minted_with_its_control_and_expected_verdict(case: str) -> None:
    minted = cases.mint(case, "example.test")
    assert minted.expected is cases.CATALOGUE[case].must
    assert minted.chain_pem.startswith(b"-----BEGIN CERTIFICATE-----")
    control = minted.control
    if minted.expected is cases.Must.REJECT:
        assert verify(control.chain_pem, name=control.name, trust=control.anchors_pem, crls=control.crls).accepted
    if not minted.case.disputed:
        verdict = verify(minted.chain_pem, name=minted.name, trust=minted.anchors_pem, crls=minted.crls)
        assert verdict.accepted is (minted.expected is cases.Must.ACCEPT)


def test_ssl_refuses_a_test_certificate_and_accepts_its_control() -> None:
    expired = cases.mint("expired", "example.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(server_context(expired), client_context(expired), expired.host)
    handshake(server_context(expired.control), client_context(expired.control), expired.control.host)


def test_the_crls_of_a_test_certificate_come_with_the_trust(tmp_path: Path) -> None:
    revoked = cases.mint("revoked", "example.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(server_context(revoked), client_context(revoked), "example.test")
    files = revoked.write(tmp_path)
    assert files.crls
    assert files.crls.read_bytes() == revoked.crls_pem


def test_a_minted_case_is_written_to_files(tmp_path: Path) -> None:
    files = cases.mint("wrong-host").write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root.pem", "server.key", "server.pem"]
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.chain, files.key)
    assert files.crls is None


def test_a_short_repr_shows_no_key() -> None:
    minted = cases.mint("expired", "example.test")
    assert repr(minted) == "<test certificate expired for example.test: reject>"
    assert repr(CA.create("Example")) == "<CA 'CN=Example root,O=Example'>"
