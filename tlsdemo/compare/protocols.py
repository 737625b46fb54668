"""What is compared with what: the rungs, `ca` without each single protection, and the configurations of TLS."""

from collections.abc import Iterable, Mapping

from tlsdemo.edu.key_agreement import Group
from tlsdemo.edu.protocol import CA, RUNGS, edu
from tlsdemo.protocol import Protection, Protocol
from tlsdemo.tls.protocol import CONFIGURATIONS, configuration, tls

SENTENCES: Mapping[str, str] = {
    "plain": "Nothing: lines of JSON on an open line.",
    "multiply": "A common secret, made by multiplying as in the story, keys a good channel.",
    "dh": "The secret is made by an ephemeral Diffie-Hellman (X25519).",
    "signed": "The server shows a certificate and signs the conversation; any certificate will do.",
    "ca": "The certificate must come of the trusted root, name the server, be valid today and not revoked.",
    "mutual": "The client proves itself in the same way.",
    "hybrid": "X25519 and ML-KEM-768 keep recordings from a quantum computer; it could still forge signatures.",
    "tls": "TLS 1.3, as a careful program sets up Python's ssl.",
    "tls12": "The same, with TLS 1.2.",
    "tls12-rsa": "TLS 1.2 with static RSA: the session's secret is sent under the server's key.",
    "tls-noverify": "CERT_NONE: the client takes whatever certificate comes (`verify=False`).",
    "tls-nohostname": "check_hostname = False: any certificate of the same authority will do.",
    "tls-notime": "The dates are not looked at (X509_V_FLAG_NO_CHECK_TIME).",
    "tls-strict-close": "suppress_ragged_eofs=False, no OP_IGNORE_UNEXPECTED_EOF: a missing close_notify is an error.",
    "tls-crl": "VERIFY_CRL_CHECK_CHAIN: every certificate must be absent from a current list.",
    "tls-mutual": "The server demands a certificate of the client (CERT_REQUIRED).",
    "tls-null": "A NULL cipher: authenticated, not encrypted (TLS 1.2, security level 0).",
    "tls-anon": "Anonymous key agreement: no certificate at all (TLS 1.2, security level 0).",
}


def all_protocols() -> list[Protocol]:
    """In the order of the tables."""
    rungs = [edu(claims) for claims in RUNGS.values()]
    reduced = [edu(CA - {protection}) for protection in Protection if protection in CA]
    return [*rungs, *reduced, *map(configuration, CONFIGURATIONS)]


def find(name: str, without: Iterable[Protection] = (), group: Group | None = None) -> Protocol:
    """By its name, less some protections; KeyError if there is none, ValueError if it cannot be built so.

    In a group that falls STRONG_GROUP is missing, too.
    """
    base, _, left_out = name.partition(" without ")
    missing = {protection(each) for each in left_out.split(",") if each.strip()} | set(without)
    if group and not group.strong:
        missing.add(Protection.STRONG_GROUP)
    if base in RUNGS:
        return edu(RUNGS[base] - missing, group=group)
    if group:
        raise ValueError("OpenSSL agrees in a group of its choice, and refuses weak ones")
    if not missing:
        return configuration(base)
    listed = ", ".join(each.readable for each in Protection if each in missing)
    return tls(CONFIGURATIONS[base] - missing, name=f"{base} without {listed}")


def protection(text: str) -> Protection:
    """`forward secrecy`, `forward-secrecy` or `FORWARD_SECRECY`; KeyError for what is none."""
    return Protection[text.strip().upper().replace(" ", "_").replace("-", "_")]


def sentence(protocol: Protocol) -> str:
    """What it is, in one sentence."""
    base, _, missing = protocol.name.partition(" without ")
    if not missing:
        return SENTENCES[base]
    lost = "; ".join(protection(each).meaning for each in missing.split(","))
    return f"As {base}, but this is missing: {lost}."


def family(protocol: Protocol) -> str:
    """Under which heading of a table it stands."""
    if protocol.family == "tls":
        return "real TLS"
    return "ca without ..." if protocol.name.startswith("ca without ") else "the rungs"


def short(protocol: Protocol) -> str:
    """Its name under that heading."""
    return protocol.name.replace("ca without ", "  ")
