"""Name constraints and names that are not well-formed (RFC 5280 §4.2.1.10). Caught: a constraint excludes nothing."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import der
from pki.verdict import Verdict
from tests.pki.minting import (
    CA,
    SERVER,
    Extension,
    Minted,
    assert_accepted,
    assert_refused,
    basic,
    critical,
    judge,
    mint,
    names,
    raw,
    usage,
)

HOST, MAIL, URI = 0x82, 0x81, 0x86
ROOT = mint("Root", *CA)
NC = x509.NameConstraints.oid


def subtree(tag: int, text: str, *distances: bytes) -> bytes:
    return der.sequence(der.element(tag, text.encode()), *distances)


def constrained(*, permitted: bytes = b"", excluded: bytes = b"") -> Minted:
    parts = [der.element(tag, each) for tag, each in ((0xA0, permitted), (0xA1, excluded)) if each]
    return mint("Sub", *CA, raw(NC, der.sequence(*parts), is_critical=True), by=ROOT)


Presented = x509.GeneralName | tuple[int, str]


def alternative(name: Presented) -> Extension:
    """A tag and a text as they are: the library refuses to make some of them."""
    if isinstance(name, tuple):
        return raw(x509.SubjectAlternativeName.oid, der.sequence(der.element(name[0], name[1].encode())))
    return names(name)


def judged(authority: Minted, presented: Presented, subject: str | x509.Name = "leaf") -> Verdict:
    leaf = mint(subject, alternative(presented), *SERVER[1:], by=authority)
    return judge(leaf, authority, anchors=[ROOT], name=None)


PRESENTED: dict[int, x509.GeneralName] = {
    HOST: x509.DNSName("www.example.com"),
    MAIL: x509.RFC822Name("a@www.example.com"),
    URI: x509.UniformResourceIdentifier("https://www.example.com/"),
}
ILL_FORMED = {
    HOST: ["*.example.com", ".example.com", "example.com.", "a..b", "10.0.0.1", "example.com:443", "https://h", "a@h",
           "-a.test", "a_.test.", " example.com", "xn--ü.test", "1.2", "0x7f000001", "a" * 64, "a.b" * 90],
    MAIL: ["@example.com", "", "example.com.", ".example.com.", "a@*.h", "*.h", "a@", "a@@h", "a@b@h", "a@.example.com",
           "10.0.0.1", "a@10.0.0.1", "a@[10.0.0.1]", "[10.0.0.1]", "a b@h", '"a"@h', "https://h", "h:25", ".", "a@h."],
    URI: ["https://example.com", "example.com:443", "*.example.com", "", "example.com.", ".example.com.", "10.0.0.1",
          "[::1]", "a@example.com", "example.com/", "..example.com", ".", "0x7f.1"],
}  # fmt: skip


@pytest.mark.parametrize(("tag", "text"), [(tag, each) for tag, all_of in ILL_FORMED.items() for each in all_of])
@pytest.mark.parametrize("where", ["permitted", "excluded"])
def test_a_constraint_that_is_not_well_formed_is_refused(tag: int, text: str, where: str) -> None:
    authority = constrained(**{where: subtree(tag, text)})
    verdict = judged(authority, PRESENTED[tag])
    assert verdict.failure is not None, "it is accepted"
    assert verdict.failure.name in ("constraints", "form")


WELL_FORMED = [
    (HOST, "example.com"), (HOST, "EXAMPLE.com"), (HOST, "www.example.com"), (HOST, ""), (MAIL, ".example.com"),
    (MAIL, "www.example.com"), (MAIL, "a@www.EXAMPLE.com"), (URI, ".example.com"), (URI, "www.example.com"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "text"), WELL_FORMED)
def test_a_well_formed_constraint_permits_and_excludes(tag: int, text: str) -> None:
    assert_accepted(judged(constrained(permitted=subtree(tag, text)), PRESENTED[tag]))
    assert_refused(judged(constrained(excluded=subtree(tag, text)), PRESENTED[tag]), "constraints", "is excluded by")


@pytest.mark.parametrize("mask", ["ff00ff00", "00ffffff", "fe00ff00", "0000000f"])
def test_a_mask_that_is_not_contiguous_is_refused(mask: str) -> None:
    network = der.sequence(der.element(0x87, bytes.fromhex(f"0a000000{mask}")))
    verdict = judged(constrained(excluded=network), x509.IPAddress(ipaddress.ip_address("10.9.9.9")))
    assert verdict.failure is not None
    assert verdict.failure.name in ("constraints", "form")


def test_a_network_with_bits_beyond_its_mask_excludes_what_it_covers() -> None:
    network = der.sequence(der.element(0x87, bytes.fromhex("0a010203ff000000")))
    verdict = judged(constrained(excluded=network), x509.IPAddress(ipaddress.ip_address("10.9.9.9")))
    assert verdict.failure is not None, "10.1.2.3/8 covers 10.9.9.9"


MINIMUM, MAXIMUM = 0x80, 0x81


@pytest.mark.parametrize(
    "distances",
    [
        [(MINIMUM, b"\x01")],
        [(MINIMUM, b"\x05")],
        [(MINIMUM, b"\x00\x80")],
        [(MAXIMUM, b"\x00")],
        [(MAXIMUM, b"\x05")],
        [(MINIMUM, b"\x01"), (MAXIMUM, b"\x05")],
    ],
)
@pytest.mark.parametrize("where", ["permitted", "excluded"])
def test_a_minimum_or_a_maximum_is_refused(distances: list[tuple[int, bytes]], where: str) -> None:
    tail = [der.element(tag, value) for tag, value in distances]
    for bases in ([subtree(HOST, "example.com", *tail)], [subtree(HOST, "a.test"), subtree(MAIL, "h.test", *tail)]):
        verdict = judged(constrained(**{where: b"".join(bases)}), x509.DNSName("other.test"))
        assert_refused(verdict, "constraints")


EXCLUDED = {
    "host": (HOST, "example.com"),
    "mail": (MAIL, "example.com"),
    "mail below": (MAIL, ".example.com"),
    "mailbox": (MAIL, "a@example.com"),
    "URI": (URI, "example.com"),
    "URI below": (URI, ".example.com"),
}
ESCAPES: list[tuple[str, tuple[int, str]]] = [
    *(("host", (HOST, each)) for each in ("example.com.", "a.example.com.", "example..com", "example.com\0", "*",
      "a.example.com ", ".example.com", "10.0.0.1", "f*.example.com", "*.*.example.com")),
    *(("mail", (MAIL, each)) for each in ("a@example.com.", "a@EXAMPLE.com.", "a@b@example.com", '"a"@example.com',
      '"@"@example.com', "a@[1.2.3.4]", "a@1.2.3.4", "example.com", "a@", "@example.com", "a b@example.com", "")),
    *(("mail below", (MAIL, each)) for each in ("a@x.example.com.", "a@x.example.com ")),
    *(("mailbox", (MAIL, each)) for each in ('"a"@example.com', "a@example.com.", "a.@example.com")),
    *(("URI", (URI, each)) for each in ("https://example.com./", "https://example.com.:443/",
      "https://user@example.com./", "https://evil.test\\@example.com/", "https://exa\tmple.com/", "https://example.com%2e/",
      "https://[::1]/", "https://1.2.3.4/", "https://0x7f000001/", "urn:example", "//example.com/", "https:///x",
      "https://ex%61mple.com/", "https:example.com", "https://example.com\n/", "mailto:a@example.com")),
    *(("URI below", (URI, each)) for each in ("https://a.example.com./",)),
]  # fmt: skip


@pytest.mark.parametrize(("which", "name"), ESCAPES)
def test_an_ill_formed_name_does_not_escape_an_exclusion(which: str, name: tuple[int, str]) -> None:
    tag, text = EXCLUDED[which]
    for constraint in ({"excluded": subtree(tag, text)}, {"permitted": subtree(tag, "other.test")}):
        verdict = judged(constrained(**constraint), name)
        assert verdict.failure is not None, "it is accepted"
        assert verdict.failure.name in ("constraints", "form")


def email_subject(value: str, kind: x509.name._ASN1Type | None = None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, value, kind)])


@pytest.mark.parametrize("value", ["ü@example.com", "a@exämple.com", "a@example.com.", "a@example.com", "nonsense"])
def test_an_email_address_in_the_subject_is_constrained(value: str) -> None:
    subject = email_subject(value, x509.name._ASN1Type.UTF8String)
    plain = x509.DNSName("localhost")
    assert_refused(judged(constrained(excluded=subtree(MAIL, "example.com")), plain, subject=subject), "constraints")
    assert_refused(judged(constrained(permitted=subtree(MAIL, "other.test")), plain, subject=subject), "constraints")
    assert_accepted(judged(constrained(excluded=subtree(HOST, "example.com")), plain, subject=subject))


def international(text: str, tag: int = der.UTF8_STRING) -> x509.OtherName:
    return x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), der.element(tag, text.encode()))


@pytest.mark.parametrize(
    ("mailbox", "constraint", "excluded"),
    [
        ("ü@example.com", "example.com", True),
        ("ü@EXAMPLE.com", "example.com", True),
        ("ü@a.example.com", ".example.com", True),
        ("ü@example.com", "ü@example.com", None),
        ("ü@exämple.com", "example.com", None),
        ("ü@example.com.", "example.com", None),
        ("ü", "example.com", None),
        ("ü@other.test", "example.com", False),
        ("ü@example.com", "a@example.com", False),
    ],
)
def test_a_smtp_utf8_mailbox_is_constrained_as_mail_is(mailbox: str, constraint: str, excluded: bool | None) -> None:
    """RFC 9598 §6; None: it cannot be compared, and is refused either way."""
    try:
        authority = constrained(excluded=subtree(MAIL, constraint))
        only = constrained(permitted=subtree(MAIL, constraint))
    except ValueError:
        pytest.skip("the library does not make it")
    verdict = judged(authority, international(mailbox))
    assert verdict.accepted is (excluded is False), verdict.reason
    assert judged(only, international(mailbox)).accepted is (excluded is True)
    assert_accepted(judged(constrained(excluded=subtree(HOST, "example.com")), international(mailbox)))


def test_a_smtp_utf8_mailbox_that_is_not_text_is_refused() -> None:
    authority = constrained(excluded=subtree(MAIL, "example.com"))
    for odd in (international("a@other.test", der.OCTET_STRING), international("")):
        assert_refused(judged(authority, odd), "constraints")


def test_another_kind_of_name_is_refused_only_where_its_own_kind_is_constrained() -> None:
    registered = der.sequence(der.element(0x88, b"\x2a\x03"))
    other = x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    assert_accepted(judged(constrained(excluded=registered), other))
    assert_refused(
        judged(constrained(excluded=registered), x509.RegisteredID(x509.ObjectIdentifier("1.2.4"))), "constraints"
    )


LONG = "é" * 200


def test_a_long_value_does_not_escape_an_excluded_directory_name() -> None:
    """Composed it is compared in one form; decomposed it has 400 characters, too many for that."""
    base = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, LONG, _validate=False)])
    constraints = critical(x509.NameConstraints(None, [x509.DirectoryName(base)]))
    authority = mint("Sub", *CA, constraints, by=ROOT)
    decomposed = x509.NameAttribute(NameOID.ORGANIZATION_NAME, LONG.replace("é", "e\u0301"), _validate=False)
    for subject in (base, x509.Name([decomposed])):
        assert_refused(judged(authority, x509.DNSName("localhost"), subject=subject), "constraints")


TEXT = st.text(st.characters(max_codepoint=127), max_size=20)


@given(TEXT, st.sampled_from([HOST, MAIL, URI]))
def test_any_text_as_a_constraint_excludes_itself_or_is_refused(text: str, tag: int) -> None:
    """A name is made of the constraint; if the constraint is believed, it excludes that name."""
    name = {
        HOST: text,
        MAIL: text if "@" in text else f"a@{text.removeprefix('.')}",
        URI: f"https://{text.removeprefix('.')}/",
    }[tag]
    if text.startswith(".") and tag != HOST:
        name = name.replace(text.removeprefix("."), f"x{text}")
    verdict = judged(constrained(excluded=subtree(tag, text)), (tag, name))
    assert not verdict.accepted


def test_a_leaf_is_not_bound_by_its_own_constraints_and_a_change_of_keys_is_free() -> None:
    leaf = mint("leaf", names(x509.DNSName("a.test")), basic(True), usage("digital_signature", "key_cert_sign"),
                critical(x509.NameConstraints(None, [x509.DNSName("a.test")])), by=ROOT)  # fmt: skip
    assert_accepted(judge(leaf, anchors=[ROOT], name=None))
