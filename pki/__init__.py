"""Makes and judges certificates (RFC 5280); knows nothing of TLS or of tlsdemo.

    names, keys, profiles   the vocabulary: what may be said in a certificate
    authority               issues: profile + key + names + dates -> Credential; pure
    rogues/                 the catalogue of deliberately broken certificates
    path                    verify(): does this chain lead to that anchor, and why not
    describe                any certificate, request, CRL or key -> explained rows
    store, transaction      the directory on disk; nothing half-written, no key readable by others
    cli                     parse, call, print

The names below are what other packages use. They are imported on first use, so that `--help` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pki.authority import Authority as Authority
    from pki.authority import Credential as Credential
    from pki.path import Check as Check
    from pki.path import Purpose as Purpose
    from pki.path import Verdict as Verdict
    from pki.path import verify as verify

_HOME = {
    "Authority": "pki.authority",
    "Credential": "pki.authority",
    "Check": "pki.path",
    "Purpose": "pki.path",
    "Verdict": "pki.path",
    "verify": "pki.path",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'pki' has no attribute {name!r}")
