"""The lenient reader of DER. Falsehood caught: a fault that is not named, a wrong byte offset, unlimited work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.asn1 import ber, der
from pki.asn1.ber import Node
from tests.pki.cases.test_cases import minted_once

RULES: dict[str, tuple[str, int, str]] = {
    "a length with a leading zero": ("0282000105", 1, "X.690 §10.1"),
    "a short length in the long form": ("02810105", 1, "X.690 §10.1"),
    "an indefinite length": ("30800201050000", 1, "X.690 §10.1"),
    "an indefinite length without its end": ("3080020105", 5, "X.690 §8.1.5"),
    "a primitive with an indefinite length": ("0480", 0, "X.690 §8.1.3.2"),
    "more announced than there is": ("300a020105", 0, "X.690 §8.1.3"),
    "a header without a length": ("30030201050a", 5, "X.690 §8.1.1"),
    "a boolean of two bytes": ("0102ffff", 2, "X.690 §8.2.1"),
    "a boolean that is 1": ("010101", 2, "X.690 §11.1"),
    "an integer without bytes": ("0200", 2, "X.690 §8.3.1"),
    "an integer with a superfluous zero": ("02020001", 2, "X.690 §8.3.2"),
    "a negative integer with a superfluous byte": ("0202ff80", 2, "X.690 §8.3.2"),
    "a constructed integer": ("2203020105", 0, "X.690 §8.3.1"),
    "bits without the count of the unused": ("0300", 2, "X.690 §8.6.2.2"),
    "eight unused bits": ("03020800", 2, "X.690 §8.6.2.2"),
    "unused bits of nothing": ("030101", 2, "X.690 §8.6.2.3"),
    "unused bits that are not zero": ("030201ff", 3, "X.690 §11.2.1"),
    "a null with content": ("050100", 2, "X.690 §8.8.2"),
    "an empty object identifier": ("0600", 2, "X.690 §8.19.2"),
    "an object identifier that does not end": ("06022a86", 3, "X.690 §8.19.2"),
    "a number with a leading 80": ("06032a8001", 3, "X.690 §8.19.2"),
    "a string in segments": ("24050403010203", 0, "X.690 §10.2"),
    "a primitive sequence": ("1003020105", 0, "X.690 §8.9.1"),
    "a set out of order": ("3106020106020105", 5, "X.690 §11.6"),
    "text that is not UTF-8": ("0c02c328", 2, "RFC 3629 §3"),
    "an underscore in a PrintableString": ("1303615f62", 2, "X.680 §41.4"),
    "a byte above 127 in an IA5String": ("1601ff", 2, "X.680 §41"),
    "half a character in a BMPString": ("1e0100", 2, "X.690 §8.23.8"),
    "a time without seconds": ("170b" + b"2601010000Z".hex(), 2, "RFC 5280 §4.1.2.5.1"),
    "a time with a zone": ("1711" + b"260101000000+0100".hex(), 2, "RFC 5280 §4.1.2.5.1"),
    "a time with a fraction": ("1812" + b"20500101000000.50Z".hex(), 2, "RFC 5280 §4.1.2.5.2"),
    "the 30th of February": ("170d" + b"260230000000Z".hex(), 2, "X.680 §46"),
    "the year 0": ("180f" + b"00000101000000Z".hex(), 2, "X.680 §46"),
    "hour 24": ("170d" + b"260101240000Z".hex(), 2, "X.680 §46"),
}


@pytest.mark.parametrize("case", RULES)
def test_each_fault_is_named_with_its_byte_and_rule(case: str) -> None:
    encoded, at, rule = RULES[case]
    faults = ber.parse(bytes.fromhex(encoded)).faults
    assert (at, rule) in [(each.at, each.rule.split(":")[0]) for each in faults], faults


def test_what_the_library_writes_has_no_fault() -> None:
    for encoded in minted_once("good").served.chain:
        assert ber.parse(encoded).faults == []


def test_an_indefinite_length_is_followed_and_can_be_written_again_as_der() -> None:
    encoded = bytes.fromhex("3080 2480 0402 0102 0401 03 0000 020105 0000".replace(" ", ""))
    tree = ber.parse(encoded)
    (whole,) = tree.roots
    assert [each.type for each in whole.children] == ["OCTET STRING", "INTEGER"]
    assert tree.content(whole.children[0]) == b"\1\2\3"
    assert ber.to_der(tree) == der.sequence(der.octet_string(b"\1\2\3"), der.integer(5))


def nodes(roots: list[Node]) -> list[Node]:
    return [each for root in roots for each in (root, *nodes(root.children))]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception_and_no_element_leaves_its_parent(data: bytes) -> None:
    tree = ber.parse(data)
    for each in nodes(tree.roots):
        assert all(each.start < child.start and child.end <= each.end for child in each.children)
    for fault in tree.faults:
        assert 0 <= fault.at <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x83\x0f\xff\xf0" + b"\x05\0" * 0x7FFF8,
        b"\x30\x80" * 500_000,
        b"\x30\x83\x0f\xff\xf0" * 200_000,
        b"\x05\0" * 500_000,
    ],
    ids=["nulls", "indefinite lengths", "nested", "in a row"],
)
def test_the_work_is_limited(data: bytes) -> None:
    tree = ber.parse(data)
    assert len(nodes(tree.roots)) <= ber.MOST
    assert len(tree.faults) <= ber.MOST_FAULTS
    assert not tree.complete or len(nodes(tree.roots)) <= 2 * der.DEEPEST


def test_a_long_object_identifier_is_not_computed() -> None:
    content = b"\x81" * 1_000_000 + b"\x01"
    assert ber.oid(content) is None
    with pytest.raises(ValueError, match="at most 256"):
        der.dotted(content)
    assert any("1000001 bytes" in each.what for each in ber.parse(der.element(6, content)).faults)
