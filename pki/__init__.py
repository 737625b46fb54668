"""Makes and judges certificates (RFC 5280); knows nothing of TLS or of tlsdemo.

    names, keys, profiles   the vocabulary: what may be said in a certificate; der: how it is written
    ber, schema, summary    reads any bytes: elements, fields, faults with byte and rule; names and dates as safe text
    blocks, foreign, unlock what is in a file; what it is instead; private keys, encrypted or not
    authority               issues: profile + key + names + dates -> Credential; pure
    rogues/                 the catalogue of deliberately broken certificates; on disk: gallery, as text: exhibits
    path/, revocation/      verify(): does this chain lead to that anchor, and why not -> verdict
    engines                 what other verifiers say of the same
    ocsp, ocsp_request      a responder's answers; serve, http1: those and lists over HTTP, on this machine
    export                  what makes other programs trust a root: variables, trust stores
    describe, compare       any certificate, request, CRL or key -> explained rows; two of them side by side
    spans, secrecy          the same byte by byte, and which of those bytes may be printed
    store, transaction      the directory on disk; nothing half-written, no key readable by others
    folder, output          folders reached without following links; files that an option names
    start                   Ctrl-C while the modules are loading
    files, inventory        reading what is there
    cli, rogue_cli, arguments, console, text    parse, call, print

The names below are what other packages use. They are imported on first use, so that `--help` stays quick. Nothing at
all is imported here: `__main__` guards against Ctrl-C what is imported after it.
"""

TYPE_CHECKING = False  # as typing has it

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
