"""Does this certificate lead to an authority that I trust, today, for this name? (RFC 5280 §6, RFC 9525)

    leaf  <- signed by -  intermediates ...  <- signed by -  trust anchor
     |                                                            |
     the name asked for, the dates,                  known beforehand: it never
     what it may be used for, not revoked            comes over the line it protects

walk         verify(): find a path, judge it, and say what decided
build        every path from the leaf to an anchor, the likely ones first
reading      what is asked, and a path as the checks see it
steps        path validation, one function for each clause          profiles     which steps belong to which profile
strength     what TLS asks of keys and hashes                       crl_signers  who may sign CRLs
constraints  name constraints        policies    certificate policies        webpki    the rules of the CA/Browser Forum
remarks      what an accepted CA certificate lacks

The arithmetic comes from `cryptography`; the judging is here. The judgement is data, a Verdict, never an exception.
Work is counted (`pki.budget`), so that no input keeps it busy for long.
"""

from pki.path.steps import SIGNATURE
from pki.path.walk import FORM, MAX_DEPTH, UNREADABLE, judge, verify

__all__ = ["FORM", "MAX_DEPTH", "SIGNATURE", "UNREADABLE", "judge", "verify"]
