"""Certificates (RFC 5280): make them, validate them, explain them, break them. Knows nothing of TLS or of `tlsdemo`.

handover            a chain and its key into an `ssl.SSLContext`, or into files; EDGE
errors              error messages with exit codes; text that is safe to print
malformed           one exception for fields that cannot be read
keys                key types: generate, encode, load
names               host names, IP and mail addresses: parse them, compare them
name_constraints    which names a CA may issue for
profiles            what a root CA, an intermediate CA, a server and a client certificate contain
authority           a CA issues: profile + key + names + validity -> Credential
csr                 certificate requests: make one, decide what a CA takes from one
copied              a copied certificate with a key that does not belong to it
verdict             checks and their results
budget              how much work one validation may take
console             run a command, exit codes, JSON, colours; EDGE
help_page           what `-h` prints, and `--version`; EDGE
start               Ctrl-C while modules are being imported; EDGE

asn1                DER and BER as bytes
objects             certificates, CRLs and keys: found in a file, read field by field, signatures checked
show                what is in a file, in words
revocation          CRLs and OCSP responses
path                path validation: does this chain lead to a trust anchor, and if not, why?
cases               the catalogue of test certificates
verifiers           the verdicts of OpenSSL, GnuTLS and cryptography on the same certificate
store               the folder of a CA, and other files; EDGE
trust               how other programs come to trust a root; EDGE
publish             CRLs and OCSP over HTTP; EDGE
cli                 the commands; EDGE

The names below are the public API. They are imported on first use, so that `--help` stays quick. This module imports
nothing: `__main__` handles Ctrl-C only in modules that are imported after it.
"""

TYPE_CHECKING = False  # a constant that mypy knows, without importing typing

if TYPE_CHECKING:
    from pki.authority import Authority as Authority
    from pki.authority import Credential as Credential
    from pki.path import verify as verify
    from pki.verdict import Check as Check
    from pki.verdict import PathProfile as PathProfile
    from pki.verdict import Purpose as Purpose
    from pki.verdict import Verdict as Verdict

_HOME = {
    "Authority": "pki.authority",
    "Credential": "pki.authority",
    "Check": "pki.verdict",
    "PathProfile": "pki.verdict",
    "Purpose": "pki.verdict",
    "Verdict": "pki.verdict",
    "verify": "pki.path",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'pki' has no attribute {name!r}")
