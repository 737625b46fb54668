"""The test certificates of `pki.cases` as cases of the lab, for this machine, with validity relative to now.

The names are `localhost`, CASE.localhost, 127.0.0.1 and ::1, unless the deviation is in the names. The names of cases
about other names end in CASE.localhost, too.
"""

import sys
from dataclasses import replace
from functools import partial

from pki.cases import CATALOGUE, CaseBuilder, CertificateCase, Mode, Must
from tlsdemo.lab.ca import LabCA
from tlsdemo.lab.case import Case, Family, OpenedCase, control_of
from tlsdemo.lab.presented import present
from tlsdemo.lab.revocation_sources import Where, locations, publish_revoked

STRICT = Mode.PYTHON_3_13 if sys.version_info >= (3, 13) else Mode.PYTHON_3_11
"""The mode of this Python's `ssl`."""


def cases() -> list[Case]:
    """All test certificates, in the order of the catalogue."""
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
    if minted.served.crls:  # only what the CA publishes is wrong, and the control would have the same URL
        publish_revoked(minted.served, case.id, builder, ca.publisher)
        return opened
    if certificate.must is Must.ACCEPT or not opened.handler:
        return opened
    # Only on its own port: by server_name, the control could not be distinguished from its case.
    return replace(
        opened,
        mint_control=lambda: replace(present(control_of(case), minted.control, ca), context=None, sni=None),
    )
