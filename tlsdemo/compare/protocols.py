"""The protocols that are compared: the rungs, `ca` without each protection, our own TLS 1.3, and Python's ssl."""

from collections.abc import Iterable, Mapping

from tlsdemo.edu.protocol import CA, RUNGS, edu
from tlsdemo.key_agreement import Group
from tlsdemo.protocol import Protection, Protocol
from tlsdemo.tls.protocol import CONFIGURATIONS, configuration, tls
from tlsdemo.tls13.protocol import ALL, tls13

SENTENCES: Mapping[str, str] = {
    "plain": "No protection: lines of JSON in the clear.",
    "multiply": "The shared secret is a product, as in the story (300, 5, 7). The cipher is strong.",
    "dh": "The shared secret comes from ephemeral Diffie-Hellman (X25519).",
    "signed": "The server presents a certificate and signs the handshake; any certificate is accepted.",
    "ca": "The certificate must chain to the trusted root, name the server, be valid now, and not be revoked.",
    "mutual": "The client authenticates in the same way.",
    "hybrid": "X25519 and ML-KEM-768 protect recordings from a quantum computer; signatures are not protected.",
    "tls13": "TLS 1.3 of our own with every protection: client certificates, CRLs and hybrid key shares too.",
    "tls": "TLS 1.3 with Python's ssl and all checks on.",
    "tls12": "The same, with TLS 1.2.",
    "tls12-rsa": "TLS 1.2 with static RSA: the client encrypts its secret with the server's key.",
    "tls-noverify": "CERT_NONE: the client accepts any certificate (`verify=False`).",
    "tls-nohostname": "check_hostname = False: any certificate from the same CA is accepted.",
    "tls-notime": "The validity period is not checked (X509_V_FLAG_NO_CHECK_TIME).",
    "tls-strict-close": "suppress_ragged_eofs=False, no OP_IGNORE_UNEXPECTED_EOF: a missing close_notify is an error.",
    "tls-crl": "VERIFY_CRL_CHECK_CHAIN: a current CRL is required for each certificate of the chain.",
    "tls-mutual": "The server requires a client certificate (CERT_REQUIRED).",
    "tls-null": "A NULL cipher: authenticated, not encrypted (TLS 1.2, security level 0).",
    "tls-anon": "Anonymous key agreement: no certificate at all (TLS 1.2, security level 0).",
}


TLS13 = "tls13"
NAMES = (*RUNGS, TLS13, *CONFIGURATIONS)
"""The protocols that `find` takes, each also with ` without ...`."""


def all_protocols() -> list[Protocol]:
    """The protocols that are compared if none is named, in the order of the tables."""
    rungs = [edu(claims) for claims in RUNGS.values()]
    reduced = [edu(CA - {protection}) for protection in Protection if protection in CA]
    return [*rungs, *reduced, tls13(), *map(configuration, CONFIGURATIONS)]


def reduced_tls13() -> list[Protocol]:
    """`tls13` without each protection. They are compared if `tls13` is named."""
    return [tls13(ALL - {protection}) for protection in Protection]


def find(name: str, without: Iterable[Protection] = (), group: Group | None = None) -> Protocol:
    """The protocol of that name without some protections.

    KeyError for an unknown name; ValueError if it cannot be built so. A weak group removes STRONG_GROUP, too.
    """
    base, _, left_out = name.partition(" without ")
    missing = {protection(each) for each in left_out.split(",") if each.strip()} | set(without)
    if group and not group.strong:
        missing.add(Protection.STRONG_GROUP)
    if base in RUNGS:
        return edu(RUNGS[base] - missing, group=group)
    if group:
        raise ValueError("only the educational handshake takes a group")
    if base == TLS13:
        return tls13(ALL - missing)
    if not missing:
        return configuration(base)
    listed = ", ".join(each.readable for each in Protection if each in missing)
    return tls(CONFIGURATIONS[base] - missing, name=f"{base} without {listed}")


def protection(text: str) -> Protection:
    """`forward secrecy`, `forward-secrecy` or `FORWARD_SECRECY`; KeyError for any other text."""
    return Protection[text.strip().upper().replace(" ", "_").replace("-", "_")]


def sentence(protocol: Protocol) -> str:
    """The protocol in one sentence."""
    base, _, missing = protocol.name.partition(" without ")
    if not missing:
        return SENTENCES[base]
    lost = "; ".join(protection(each).meaning for each in missing.split(","))
    return f"As {base}, without: {lost}."


def family(protocol: Protocol) -> str:
    """The heading of its part of a table."""
    base, _, missing = protocol.name.partition(" without ")
    if missing and base in REDUCED:
        return f"{base} without ..."
    return HEADINGS[protocol.family]


HEADINGS: Mapping[str, str] = {"educational": "the rungs", "TLS 1.3": "our TLS 1.3", "tls": "Python's ssl"}
"""The heading of each family."""
REDUCED = ("ca", TLS13)
"""The protocols whose rows without a protection have a heading of their own."""


def short(protocol: Protocol) -> str:
    """Its name under that heading."""
    return protocol.name.replace(family(protocol).removesuffix("..."), "  ")
