"""Valid names for certificates. Falsehood caught: "the library rejects that name"."""

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as st

from pki import names
from pki.authority import Authority
from tests.pki.conftest import Command
from tests.pki.support import NOW, a_leaf, a_root, handshake, pem, validity

NAME_MAX = 255  # bytes of a file name on Linux and macOS
LONGEST_LABEL = "a" * 63
LONGEST_HOST = ".".join([LONGEST_LABEL] * 3 + ["a" * 61])  # 253, RFC 1035 §2.3.4

VALID = {
    "localhost": "DNS:localhost",
    "LocalHost": "DNS:localhost",
    "shop.example.test": "DNS:shop.example.test",
    "a-b.test": "DNS:a-b.test",
    "3com.test": "DNS:3com.test",
    "123.test": "DNS:123.test",
    f"{LONGEST_LABEL}.test": f"DNS:{LONGEST_LABEL}.test",
    LONGEST_HOST: f"DNS:{LONGEST_HOST}",
    "*.example.test": "DNS:*.example.test",
    # The A-labels are those of RFC 5891's registries, not ours: python's own codec and dig +idn say the same.
    "bücher.example": "DNS:xn--bcher-kva.example",
    "BÜCHER.example": "DNS:xn--bcher-kva.example",
    "*.bücher.example": "DNS:*.xn--bcher-kva.example",
    "xn--bcher-kva.example": "DNS:xn--bcher-kva.example",
    "日本語.example": "DNS:xn--wgv71a119e.example",
    "日本語。example": "DNS:xn--wgv71a119e.example",  # the ideographic full stop separates labels too (UTS 46 §4)
    "faß.example": "DNS:xn--fa-hia.example",  # IDNA 2008 keeps the ß (RFC 5894 §7.2)
    "127.0.0.1": "IP:127.0.0.1",
    "::1": "IP:::1",
    "[::1]": "IP:::1",
    "2001:DB8::1": "IP:2001:db8::1",
    "0:0:0:0:0:0:0:1": "IP:::1",
    "ann@example.test": "email:ann@example.test",
    "ann.b+c@bücher.example": "email:ann.b+c@xn--bcher-kva.example",
}

INVALID = [
    "", " ", "a b", "a..b", ".a", "a.", "a_b.test", "_dmarc.test", "-a.test", "a-.test", "a\0b",
    "localhost\0.evil.test", "a\n", "\x1b[2Ja.test", "a" * 64 + ".test", "a" + LONGEST_HOST, "a" * 5000,
    "*", "*.", "a*.b.test", "*a.b.test", "a.*.test", "*.*.test", "**.test", "*.127.0.0.1",
    "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/24", "::1%lo", "fe80::1%eth0", "[::1]:443", "[::1", "[]",
    "localhost:443", "127.0.0.1:443", "1::2::3", "12345::", "https://a.test", "a.test/", "../x", "/abs", "a\\b", "-rf",
    "ann@", "@a.test", "a b@c.test", "a/b@c.test", "../a@c.test", "ann@*.test", "a@b@c.test", "a..b@c.test",
    "xn--99999999", "xn--", "xn--a-\xfc.test", "😀.test", "a\u200d.test", "\ud800.test",
    "１２７.0.0.1", "a\u202eb.test",
]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
def test_a_name_becomes_the_general_name_that_it_means(text: str) -> None:
    assert names.show(names.parse(text)) == VALID[text]


@pytest.mark.parametrize("text", INVALID, ids=lambda text: ascii(text)[:40])
def test_nonsense_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(names.InvalidName, match=r"\w+ \w+"):
        names.parse(text)


@pytest.mark.parametrize("text", ["*.example.test", "ann@example.test", "localhost:443"])
def test_only_one_host_can_be_asked_for(text: str) -> None:
    with pytest.raises(names.InvalidName):
        names.reference(text)


def test_a_wildcard_may_not_be_longer_than_any_host_can_be() -> None:
    with pytest.raises(names.InvalidName):
        names.parse(f"*.{LONGEST_HOST}")


@pytest.mark.parametrize(("text", "warned"), [("*.localhost", True), ("*.example.test", True), ("localhost", False)])
def test_a_wildcard_is_accompanied_by_a_caution(text: str, warned: bool) -> None:
    assert bool(names.caution(names.parse(text))) is warned


def test_repeated_names_are_said_once_in_their_first_order() -> None:
    given_names = [names.parse(text) for text in ("b.test", "a.test", "B.test", "::1", "0::1")]
    assert [names.plain(name) for name in names.unique(given_names)] == ["b.test", "a.test", "::1"]


# Properties ---------------------------------------------------------------------------------------------------------

EVIL = st.text("aAz09-_.*:@[]xn/\\%+ \n\0ü日。１\u200d", max_size=24)
HOSTS = st.from_regex(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?\.){0,3}[a-z]{1,4}", fullmatch=True)
TYPED = (
    st.text(max_size=20)
    | EVIL
    | HOSTS
    | st.ip_addresses().map(str)
    | st.emails(domains=HOSTS)
    | st.builds("xn--{}.test".format, st.text("abcxyz019-", max_size=12))
    | st.builds("{}@{}".format, EVIL, HOSTS)
)

ROOT: Authority = a_root()


def parsed(text: str) -> x509.GeneralName | None:
    """The name, or None if it was refused; any other exception is the failure that we look for."""
    try:
        return names.parse(text)
    except names.InvalidName:
        return None


@given(TYPED)
@example(LONGEST_HOST)
@example("*." + LONGEST_HOST[2:])
@example("-rf@a.test")
@example("a" * 300 + "@a.test")
def test_what_is_accepted_names_a_plain_file(text: str) -> None:
    if name := parsed(text):
        for suffix in (".pem", ".key"):
            file = names.file_stem(name) + suffix
            assert PurePosixPath(file).name == file, "it is one component"
            assert file[0] not in ".-~", "neither hidden nor an option"
            assert file.isascii() and file.isprintable()
            assert len(file) <= NAME_MAX, f"no file system takes {len(file)} bytes"


@given(TYPED)
@example("*.bücher.example")
def test_what_is_accepted_stands_unchanged_in_a_signed_certificate(text: str) -> None:
    if name := parsed(text):
        certificate = a_leaf(ROOT, [name], leaf_key=ROOT.credential.key).certificate
        again = x509.load_der_x509_certificate(certificate.public_bytes(Encoding.DER))
        assert names.of_certificate(again) == (name,)


@given(TYPED)
def test_what_is_accepted_is_accepted_again_as_it_is_shown(text: str) -> None:
    if name := parsed(text):
        assert names.parse(names.plain(name)) == name


@given(TYPED, TYPED)
@example("_wildcard.a.test", "*.a.test")
@example("__1", "::1")
@example("ann@a.test", "ANN@a.test")
def test_two_names_never_share_a_file(one_text: str, other_text: str) -> None:
    one, other = parsed(one_text), parsed(other_text)
    if one and other and one != other:
        assert names.file_stem(one) != names.file_stem(other)


# Matching, judged by OpenSSL ----------------------------------------------------------------------------------------

PATTERNS = ["a.test", "*.a.test", "*.b.a.test", "w*.a.test", "*w.a.test", "*.*.test", "www.*.test", "*",
            "xn--bcher-kva.test", "*.xn--bcher-kva.test", "127.0.0.1", "A.TEST", "a.test."]  # fmt: skip
WANTED = ["a.test", "A.Test", "www.a.test", "x.www.a.test", "b.a.test", "c.b.a.test", "xn--bcher-kva.test",
          "www.xn--bcher-kva.test", "xn--bcher-kva.a.test", "aa.test", "test", "127.0.0.1"]  # fmt: skip
ALWAYS = validity(NOW - timedelta(days=4000), 9000)  # ssl has no clock of ours
MISMATCH = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_covers_the_hosts_that_openssl_says_it_covers(pattern: str) -> None:
    presented = x509.DNSName(pattern)
    root = a_root(dates=ALWAYS)
    leaf = a_leaf(root, [presented], dates=ALWAYS)
    for host in WANTED:
        refused = handshake(pem(root.certificate).decode(), leaf.chain_pem.decode(), leaf.key_pem.decode(), name=host)
        assert refused is None or refused.verify_code in MISMATCH
        assert names.matches(presented, names.reference(host)) is (refused is None), host


@pytest.mark.parametrize("wanted", ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost"])
def test_an_address_covers_itself_as_openssl_says(wanted: str) -> None:
    presented = names.parse("127.0.0.1")
    root = a_root(dates=ALWAYS)
    leaf = a_leaf(root, [presented], dates=ALWAYS)
    refused = handshake(pem(root.certificate).decode(), leaf.chain_pem.decode(), leaf.key_pem.decode(), name=wanted)
    assert names.matches(presented, names.reference(wanted)) is (refused is None)


@pytest.mark.parametrize("presented", ["https://localhost", "spiffe://localhost/a"])
def test_only_dns_names_and_addresses_name_a_host(presented: str) -> None:
    assert not names.matches(x509.UniformResourceIdentifier(presented), names.parse("localhost"))


def test_a_name_with_a_nul_covers_no_host_before_it() -> None:
    # CVE-2009-2408: C programs stopped reading at the NUL.
    assert not names.matches(x509.DNSName("localhost\0.evil.test"), names.parse("localhost"))


# For display --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (x509.DNSName("localhost"), "DNS:localhost"),
        (x509.DNSName("*.a_b.test"), "DNS:*.a_b.test"),
        (x509.DNSName("evil.org, DNS:example.com"), 'DNS:"evil.org, DNS:example.com"'),
        (x509.DNSName("evil.org DNS:example.com"), 'DNS:"evil.org DNS:example.com"'),
        (x509.DNSName('a"b\\c'), r'DNS:"a\"b\\c"'),
        (x509.DNSName("a\x1b[2J\nb"), r'DNS:"a\x1b[2J\nb"'),
        (x509.DNSName(""), 'DNS:""'),
        # As a certificate may have it; Python 3.13's parser of addresses refuses it (the library asks that one).
        (x509.RFC822Name._init_without_validation("a@b.test, email:c@d.test"), 'email:"a@b.test, email:c@d.test"'),
        (x509.UniformResourceIdentifier("http://a.test/?b=c"), "URI:http://a.test/?b=c"),
        (x509.UniformResourceIdentifier("http://a.test/,DNS:b"), 'URI:"http://a.test/,DNS:b"'),
        (x509.IPAddress(ipaddress.ip_address("::1")), "IP:::1"),
        (x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), "RID:1.2.3"),
        (x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"), "othername:1.2.3:0c0161"),
        (
            x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a, DNS:b")])),
            r'dirName:"CN=a\\, DNS:b"',
        ),
    ],
    ids=str,
)
def test_no_name_looks_like_two(name: x509.GeneralName, shown: str) -> None:
    assert names.show(name) == shown


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=30), min_size=1, max_size=4))
def test_the_names_in_a_list_can_be_counted_whatever_they_hold(values: list[str]) -> None:
    joined = ", ".join(names.show(x509.DNSName(value)) for value in values)
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", joined).count("DNS:") == len(values)
    assert joined.isprintable()


def test_a_list_of_names_is_cut_with_their_number() -> None:
    assert names.cut(["a", "b"]) == "a, b"
    assert names.cut(["a"] * 21) == ", ".join(["a"] * 20) + " and 1 more"


@pytest.mark.parametrize("command", ["show", "verify", "list", "diff"])
def test_one_evil_name_is_quoted_by_every_command(command: str, tmp_path: Path, cli: Command) -> None:
    evil = x509.DNSName("evil.org, DNS:example.com")
    leaf = a_leaf(a_root(dates=TODAY), [evil], dates=TODAY)
    (tmp_path / "one.pem").write_bytes(leaf.chain_pem)
    words = {
        "show": ("show", tmp_path / "one.pem"),
        "verify": ("verify", tmp_path / "one.pem", "--trust", tmp_path / "one.pem", "--name", "example.com"),
        "list": ("list", "--dir", tmp_path),
        "diff": ("diff", tmp_path / "one.pem", tmp_path / "one.pem"),
    }
    assert '"evil.org, DNS:example.com"' in " ".join(cli(*words[command]).out.split())


TODAY = validity(datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))
