"""x509-limbo's cases through `pki.verify`: `python tests/oracles/limbo.py FILE.json[.gz] [--json]`.

The profile is chosen by the case's namespace; the last line counts. Exit code 0 whatever the score is.
"""

import gzip
import json
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

sys.path.insert(0, str(Path(__file__).parents[2]))

from pki import names
from pki.path import MAX_DEPTH, verify
from pki.verdict import PathProfile, Purpose

PROFILES = {"webpki": PathProfile.WEBPKI, "pathlen": PathProfile.RFC5280}
"""The others: path validation, with purpose and strength. One of `pathlen` has a CA certificate as its leaf, whose key
may not sign a handshake (RFC 8446 §4.4.2.2): its subject is RFC 5280 alone."""
PURPOSES = {"SERVER": Purpose.SERVER, "CLIENT": Purpose.CLIENT}


@dataclass(frozen=True)
class Score:
    """One case: what is expected, what we say, and why."""

    case: str
    expected: str
    found: str
    reason: str

    @property
    def verdict(self) -> str:
        """Agreed, or in which direction not."""
        if self.expected == self.found:
            return "agreed"
        return "false accept" if self.found == "SUCCESS" else "false reject"


def cases(path: Path) -> list[dict[str, Any]]:
    """All cases of a file."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found: list[dict[str, Any]] = json.loads(text)["testcases"]
    return found


def judge(case: Mapping[str, Any]) -> Score:
    """One case."""

    def score(found: bool, reason: str) -> Score:
        return Score(case["id"], case["expected_result"], "SUCCESS" if found else "FAILURE", reason)

    try:
        leaf = _certificate(case["peer_certificate"])
        intermediates = [_certificate(pem) for pem in case["untrusted_intermediates"]]
        anchors = [_certificate(pem) for pem in case["trusted_certs"]]
        crls = [x509.load_pem_x509_crl(pem.encode()) for pem in case["crls"]]
        wanted = _name(case["expected_peer_name"])
    except ValueError as error:
        return score(False, f"cannot be loaded: {error}")
    at = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else NOW
    depth = case["max_chain_depth"]
    verdict = verify(
        leaf,
        intermediates=intermediates,
        trust_anchors=anchors,
        name=wanted,
        purpose=PURPOSES[case["validation_kind"]],
        at=at,
        crls=crls,
        profile=PROFILES.get(case["id"].split("::")[0], PathProfile.TLS),
        max_depth=MAX_DEPTH if depth is None else depth,
    )
    return score(verdict.accepted, verdict.reason or "")


NOW = datetime.fromisoformat("2026-11-24T00:00:00+00:00")


def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _name(wanted: Mapping[str, str] | None) -> x509.GeneralName | None:
    if wanted is None or wanted["kind"] not in ("DNS", "IP"):
        return None
    return names.parse(wanted["value"]) if wanted["kind"] == "IP" else x509.DNSName(wanted["value"])


def show(scores: Sequence[Score], as_json: bool) -> int:
    """What was missed, and the count; the exit code."""
    missed = [each for each in scores if each.verdict != "agreed"]
    if as_json:
        print(json.dumps({"schema": 1, "missed": [asdict(each) for each in missed], "of": len(scores)}))
        return 0
    for each in missed:
        print(f"{each.verdict}: {each.case}  {each.reason}")
    counts = Counter(each.verdict for each in scores)
    print(
        f"agreed {counts['agreed']}  false accepts {counts['false accept']}  "
        f"false rejects {counts['false reject']}  of {len(scores)}"
    )
    return 0


def main(arguments: list[str]) -> int:
    """Judge a file."""
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # serial numbers that are not positive are a case
    if len(files := [each for each in arguments if not each.startswith("-")]) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    return show([judge(case) for case in cases(Path(files[0]))], "--json" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
