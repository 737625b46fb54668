"""`pki.verify` returns a verdict for any certificate, chain and CRL. Caught: an exception, or a wrong accept."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509

from pki import path
from pki.malformed import Malformed, read_field
from pki.path.request import Request
from pki.verdict import PathProfile, Purpose
from tests.pki.minting import CA, LOCALHOST, SERVER, Minted, assert_accepted, crl, judge, mint, raw
from tests.pki.support import NOW

UNKNOWN_FEATURE = raw(x509.TLSFeature.oid, bytes.fromhex("3003020163"))  # SEQUENCE { INTEGER 99 }
ROOT = mint("Root", *CA)
SUB = mint("Sub", *CA, by=ROOT)
LEAF = mint("localhost", *SERVER, by=SUB)
ROOT_TWIN, SUB_TWIN = mint("Root", *CA, own=ROOT.key), mint("Sub", *CA, by=ROOT, own=SUB.key)


def test_a_tls_feature_with_an_unknown_number_is_refused() -> None:
    verdict = judge(mint("localhost", *SERVER, UNKNOWN_FEATURE, by=SUB), SUB, anchors=[ROOT])
    assert verdict.failure is not None
    assert verdict.failure.name == "form"
    assert "KeyError" not in verdict.failure.detail


def test_an_unknown_tls_feature_in_another_certificate_decides_nothing() -> None:
    odd = mint("Sub", *CA, UNKNOWN_FEATURE, by=ROOT, own=SUB.key)
    odd_root = mint("Root", *CA, UNKNOWN_FEATURE, own=ROOT.key)
    for pool, anchors in (
        ([odd, SUB], [ROOT]),
        ([SUB, odd], [ROOT]),
        ([SUB], [odd_root, ROOT]),
        ([SUB], [ROOT, odd_root]),
    ):
        assert_accepted(judge(LEAF, *pool, anchors=anchors))
    assert judge(LEAF, odd, anchors=[ROOT]).failure is not None


class PanicException(BaseException):
    """As `pyo3_runtime` has it: not an Exception."""


class Odd:
    """A certificate or CRL of which one field cannot be read."""

    def __init__(self, original: Any, field: str, error: BaseException) -> None:
        self._original, self._field, self._error = original, field, error

    def __getattr__(self, name: str) -> Any:
        if name == self._field:
            raise self._error
        return getattr(self._original, name)

    def __hash__(self) -> int:
        return hash(self._field)

    def __eq__(self, other: object) -> bool:
        return self is other


FIELDS = ("subject", "issuer", "extensions", "public_key", "not_valid_before_utc", "not_valid_after_utc", "version",
          "serial_number", "signature_hash_algorithm", "signature_algorithm_oid", "tbs_certificate_bytes")  # fmt: skip
ERRORS = (PanicException("a panic"), KeyError(99), AttributeError("x"), OverflowError("x"), RecursionError("x"))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_certificate_can_raise(field: str, error: BaseException) -> None:
    def asked(leaf: Any, sub: Any, root: Any) -> Request:
        return Request(leaf, (sub,), (root,), LOCALHOST, Purpose.SERVER, NOW, (), PathProfile.TLS, 8)

    whole = (LEAF.certificate, SUB.certificate, ROOT.certificate)
    for place in range(3):
        odd: list[Any] = list(whole)
        odd[place] = Odd(whole[place], field, error)
        verdict = path.judge(asked(*odd))
        assert verdict.checks
    twins: list[Any] = [Odd(each.certificate, field, error) for each in (SUB_TWIN, ROOT_TWIN)]
    beside = Request(whole[0], (twins[0], whole[1]), (twins[1], whole[2]), LOCALHOST, Purpose.SERVER, NOW, (),
                     PathProfile.TLS, 8)  # fmt: skip
    assert path.judge(beside).accepted, "an odd certificate beside the good ones decides nothing"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("field", ["issuer", "extensions", "last_update_utc", "next_update_utc"])
def test_no_field_of_a_crl_can_raise_nor_hide_the_other_crls(field: str, error: BaseException) -> None:
    good = (crl(ROOT), crl(SUB))
    odd: Any = Odd(good[1], field, error)
    for lists, accepted in (((good[0], odd), False), ((*good, odd), True), ((odd, *good), True)):
        asked = Request(LEAF.certificate, (SUB.certificate,), (ROOT.certificate,), LOCALHOST, Purpose.SERVER, NOW,
                        lists, PathProfile.TLS, 8)  # fmt: skip
        assert path.judge(asked).accepted is accepted


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_request_to_stop_is_not_taken_for_a_malformed_field(stop: Callable[[], BaseException]) -> None:
    def read() -> None:
        raise stop()

    with pytest.raises(BaseException) as caught:
        read_field(read)
    assert not isinstance(caught.value, Malformed)


def test_minted_certificates_are_accepted() -> None:
    assert isinstance(LEAF, Minted)
    assert_accepted(judge(LEAF, SUB, anchors=[ROOT]))
    assert_accepted(judge(LEAF, SUB, anchors=[ROOT], crls=[crl(ROOT), crl(SUB)]))
