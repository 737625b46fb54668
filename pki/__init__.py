"""Certificates (RFC 5280): make them, validate them, explain them, break them. Does not speak TLS.

    ca = pki.CA.create()                                     a root CA and an intermediate CA, in memory
    shop = ca.issue("shop.example")                          a Credential: key, certificate, chain
    shop.configure(server_context)                           into an ssl.SSLContext, for a server
    ca.configure_trust(client_context)                       for its client
    pki.verify(shop, name="shop.example", trust=ca)          a Verdict: every check, with its section and result
    pki.cases.mint("expired", "shop.example")                a test certificate that breaks one rule

The names in `__all__` are the public API; pki/README.md is its page. They are imported on first use, so that `--help`
stays quick. This module imports nothing: `__main__` handles Ctrl-C only in modules that are imported after it.

The modules:

ca                  the public API: a CA in memory, and `verify`; EDGE
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
"""

TYPE_CHECKING = False  # a constant that mypy knows, without importing typing

if TYPE_CHECKING:
    from pki import cases as cases
    from pki.authority import Credential as Credential
    from pki.ca import CA as CA
    from pki.ca import CRLs as CRLs
    from pki.ca import verify as verify
    from pki.errors import Problem as Problem
    from pki.handover import CredentialFiles as CredentialFiles
    from pki.keys import KeyType as KeyType
    from pki.names import InvalidName as InvalidName
    from pki.verdict import Check as Check
    from pki.verdict import PathProfile as PathProfile
    from pki.verdict import Purpose as Purpose
    from pki.verdict import Result as Result
    from pki.verdict import Verdict as Verdict

__all__ = [
    "CA", "CRLs", "Check", "Credential", "CredentialFiles", "InvalidName", "KeyType", "PathProfile", "Problem",
    "Purpose", "Result", "Verdict", "cases", "verify",
]  # fmt: skip

_HOME = {
    "CA": "pki.ca",
    "CRLs": "pki.ca",
    "Check": "pki.verdict",
    "Credential": "pki.authority",
    "CredentialFiles": "pki.handover",
    "InvalidName": "pki.names",
    "KeyType": "pki.keys",
    "PathProfile": "pki.verdict",
    "Problem": "pki.errors",
    "Purpose": "pki.verdict",
    "Result": "pki.verdict",
    "Verdict": "pki.verdict",
    "verify": "pki.ca",
}


if not TYPE_CHECKING:  # mypy would take every name for one of this module

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "cases":
            return import_module("pki.cases")
        if name in _HOME:
            return getattr(import_module(_HOME[name]), name)
        raise AttributeError(f"module 'pki' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
