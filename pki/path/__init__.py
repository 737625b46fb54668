"""Path validation: does a certificate chain to a trust anchor, now, for this name? (RFC 5280 §6, RFC 9525)

    leaf  <- signed by -  intermediates ...  <- signed by -  trust anchor
     |                                                            |
     reference identifier, validity,                 known beforehand; never taken from
     purpose, revocation                             the connection that it protects

walk           verify(): find a path, validate it, name the deciding check
build          every path from the leaf to an anchor, the likely ones first
request        a request, and a path
steps          one function for each check of path validation
profiles       which steps belong to which profile
strength       the keys and hashes that TLS accepts
constraints    name constraints
policies       certificate policies
webpki         the rules of the CA/Browser Forum
crl_signers    which certificates may sign a CRL
remarks        fields that an accepted CA certificate lacks
misplaced      the leaf is not the first certificate of the file

The cryptography comes from the library `cryptography`; the checks are here. The result is data, a Verdict, never an
exception. Work is counted and limited (`pki.budget`), so that no input keeps it busy for long.
"""

from pki.path.steps import SIGNATURE
from pki.path.walk import FORM, MAX_DEPTH, UNREADABLE, judge, verify

__all__ = ["FORM", "MAX_DEPTH", "SIGNATURE", "UNREADABLE", "judge", "verify"]
