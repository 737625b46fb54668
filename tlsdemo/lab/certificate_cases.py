"""The test certificates of `pki.cases` as cases of the lab, minted for this machine, relative to now.

Each names `localhost`, CASE.localhost, 127.0.0.1 and ::1, unless its deviation is in the names. Where a case is about
another name, that name ends in CASE.localhost, too.
"""

import sys
from dataclasses import replace
from functools import partial

from pki.cases import CATALOGUE, CaseBuilder, CertificateCase, Mode, Must
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Family, OpenedCase
from tlsdemo.lab.presented import present
from tlsdemo.lab.revocation_sources import Where, locations, publish_revoked

STRICT = Mode.PYTHON_3_13 if sys.version_info >= (3, 13) else Mode.PYTHON_3_11
"""How this Python verifies."""


def cases() -> list[Case]:
    """All of them, in the order of the catalogue."""
    return [
        Case(
            id=each.id,
            aliases=each.aliases,
            theme=each.theme,
            summary=each.summary,
            story=each.story,
            clause=each.clause,
            must=each.must.value,
            severity=each.severity.value,
            cve=each.cve,
            verify_codes=tuple(sorted(code for code in each.openssl[STRICT] if code)),
            family=Family.CERTIFICATE,
            make=partial(_open, each),
        )
        for each in CATALOGUE.values()
    ]


def _open(certificate: CertificateCase[CaseBuilder], case: Case, ca: LabCA) -> OpenedCase:
    builder = ca.builder_for(case.id, locations(ca.publisher, case.id, dict.fromkeys(Where)))
    minted = certificate.mint(builder)
    opened = present(case, minted.served, ca)
    if minted.served.crls:  # only what its CA publishes is wrong; its control would have the same name
        publish_revoked(minted.served, case.id, builder, ca.publisher)
        return opened
    if certificate.must is Must.ACCEPT or not opened.handler:
        return opened
    # On a port of its own alone: by name, the control could not be told from its case.
    return replace(
        opened,
        mint_control=lambda: replace(present(control_of(case), minted.control, ca), context=None, sni=None),
    )


def control_of(case: Case) -> Case:
    """The words of a control. It is opened through its case."""
    summary = f"The control of {case.id}: the same without the fault."
    return replace(
        case,
        id=f"{case.id}.control",
        aliases=(),
        summary=summary,
        story=summary,
        must=Must.ACCEPT.value,
        verify_codes=(),
    )
