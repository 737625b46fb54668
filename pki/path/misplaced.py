"""Certificates in the wrong order: whether another certificate of the file should be first (RFC 8446 §4.4.2)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cryptography import x509

from pki import names, path
from pki.malformed import guarded
from pki.objects import summary
from pki.path.request import Request
from pki.verdict import Verdict

MOST = 10  # certificates that are tried; each takes a path search


def misplaced(chain: Sequence[x509.Certificate], request: Request, verdict: Verdict) -> str | None:
    """A sentence that names the certificate that should be first; None if the first one is right, or no other is.

    `chain` is the file in its order; `verdict` is about its first certificate.
    """
    if len(chain) < 2 or (verdict.accepted and not _is_ca(chain[0])):
        return None
    kind = "the CA " if _is_ca(chain[0]) else ""
    first = f"the first certificate in the file is {kind}{summary.of_certificate(chain[0]).subject}"
    for number, each in enumerate(chain[1:MOST], start=2):
        if verdict.accepted and (_is_ca(each) or not _is_named(each, request)):
            continue
        others = tuple(other for place, other in enumerate(chain, start=1) if place != number)
        extra = request.intermediates[len(chain) - 1 :]
        found = guarded(partial(path.judge, replace(request, leaf=each, intermediates=(*others, *extra))))
        if found is not None and found.accepted:
            purpose = f"valid for {names.display(request.name)}" if request.name else "accepted"
            return (
                f"{first}; the {_ordinal(number)}, {summary.of_certificate(each).subject}, is {purpose}: put it first"
            )
    for number, each in enumerate(chain[1:MOST], start=2):
        if request.name is not None and not _is_named(chain[0], request) and _is_named(each, request):
            named = summary.of_certificate(each).subject
            return f"{first}; the {_ordinal(number)}, {named}, is for {names.display(request.name)}: put it first"
    return None


def _is_named(certificate: x509.Certificate, request: Request) -> bool:
    wanted = request.name
    return wanted is None or any(names.matches(each, wanted) for each in names.readable(certificate))


def _is_ca(certificate: x509.Certificate) -> bool:
    found = guarded(lambda: certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    return bool(found)


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{suffix}"
