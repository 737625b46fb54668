"""NIST's path validation tests (PKITS) through `pki.verify`: `python tests/oracles/pkits.py [--json]`.

The data comes with the package `cryptography-vectors`. Sections 4.1 to 4.7 and 4.13 to 4.16: what is about policies is
left out. The verdict that is expected stands in a test's name.
"""

import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

sys.path.insert(0, str(Path(__file__).parents[2]))

from pki.path import verify
from pki.verdict import PathProfile
from tests.oracles.limbo import Score, show

AT = datetime(2026, 11, 24, tzinfo=UTC)
POLICIES = re.compile(r"Polic|UserNotice|CPSPointer|MappingFrom|MappingTo", re.IGNORECASE)
GROUPS = {
    "4.1 signatures": r"CertificatePath|Signature|DSAParameter",
    "4.2 dates": r"not(Before|After)Date",
    "4.3 names": r"NameChaining|NameUIDs|AttributeTypes|Rollover|UTF8String",
    "4.4 revocation": r"MissingCRL|Revoked|BadCRL|WrongCRL|TwoCRLs|UnknownCRL|CRLnextUpdate|SerialNumber|SeparateCert",
    "4.5 self-issued": r"BasicSelfIssued",
    "4.6 authorities": r"basicConstraints|cAFalse|pathLenConstraint",
    "4.7 key usage": r"keyUsage",
    "4.13 name constraints": r"nameConstraints",
    "4.14 distribution points": r"istributionPoint|onlyContains|onlySome|IDPwith|cRLIssuer",
    "4.15 delta lists": r"deltaCRL",
    "4.16 extensions": r"UnknownCritical|UnknownNotCritical",
}


def group(name: str) -> str:
    """The section that a test belongs to."""
    return next(title for title, pattern in GROUPS.items() if re.search(pattern, name))


def data() -> Path:
    """Where the package keeps them; ImportError if it is not installed."""
    import cryptography_vectors

    return Path(cryptography_vectors.__file__).parent / "x509/PKITS_data"


def scores(folder: Path) -> Iterator[Score]:
    """Every test."""
    certificates = {path.stem: _read(path) for path in sorted((folder / "certs").glob("*.crt"))}
    readable = {stem: found for stem, found in certificates.items() if found is not None}
    lists = [x509.load_der_x509_crl(path.read_bytes()) for path in sorted((folder / "crls").glob("*.crl"))]
    anchor = readable["TrustAnchorRootCertificate"]
    authorities = [found for stem, found in readable.items() if not _is_test(stem)]
    for stem in certificates:
        if not _is_test(stem) or POLICIES.search(stem):
            continue
        expected = "SUCCESS" if stem.startswith("Valid") else "FAILURE"
        case = f"{group(stem)}: {stem}"
        if stem not in readable:
            yield Score(case, expected, "FAILURE", "it cannot be loaded")
            continue
        verdict = verify(
            readable[stem],
            intermediates=authorities,
            trust_anchors=[anchor],
            name=None,
            at=AT,
            crls=lists,
            profile=PathProfile.RFC5280,
        )
        yield Score(case, expected, "SUCCESS" if verdict.accepted else "FAILURE", verdict.reason or "")


def _is_test(stem: str) -> bool:
    return bool(re.search(r"Test\d+(EE)?$", stem)) and stem.startswith(("Valid", "Invalid"))


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(path.read_bytes())
    except ValueError:
        return None


def main(arguments: list[str]) -> int:
    """Judge them all."""
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # negative serial numbers are the point of some
    found = list(scores(data()))
    if "--json" not in arguments:
        groups = Counter(each.case.partition(":")[0] for each in found)
        agreed = Counter(each.case.partition(":")[0] for each in found if each.verdict == "agreed")
        for title in GROUPS:
            print(f"{title:<26}{agreed[title]:>3} of {groups[title]}")
    return show(found, "--json" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
