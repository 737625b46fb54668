"""Path validation: does this certificate chain to a trust anchor, now, for this name? (RFC 5280 §6, RFC 9525)

    leaf  <- signed by -  intermediates ...  <- signed by -  trust anchor
     |                                                            |
     the name asked for, the validity,               known beforehand: it never comes
     what it may be used for, not revoked            over the connection that it protects

walk           verify(): find a path, judge it, say what decided
build          every path from the leaf to an anchor, the likely ones first
request        what is asked, and a path
steps          one function for each clause of path validation
profiles       which steps belong to which profile
strength       what TLS asks of keys and hashes
constraints    name constraints
policies       certificate policies
webpki         the rules of the CA/Browser Forum
crl_signers    who may sign CRLs
remarks        what a CA certificate lacks, although it is accepted
misplaced      the leaf is not the first certificate of its file

The arithmetic comes from `cryptography`; the judging is here. The result is data, a Verdict, never an exception. Work
is counted (`pki.budget`), so that no input keeps it busy for long.
"""

from pki.path.steps import SIGNATURE
from pki.path.walk import FORM, MAX_DEPTH, UNREADABLE, judge, verify

__all__ = ["FORM", "MAX_DEPTH", "SIGNATURE", "UNREADABLE", "judge", "verify"]
