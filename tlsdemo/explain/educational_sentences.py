"""What each message of the educational handshake is for, what it achieves, and what an eavesdropper learns from it.

Each sentence is derived from the parts that the handshake is built of, strong or weak, and from the message: it must be
true for every set of protections. It reads the state of one side and shows its secret, which a real program never does;
the other side's secret is never shown. Functions of that state and the message.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pki.verdict import Result
from tlsdemo import peer, trust
from tlsdemo.driver import Moment, State
from tlsdemo.edu.groups import called, is_undone, tells_who_asks
from tlsdemo.edu.logarithms import TINY, reaches
from tlsdemo.edu.machine import Machine
from tlsdemo.edu.messages import (
    Alert,
    Certificate,
    CertificateVerify,
    ClientHello,
    Data,
    Finished,
    Message,
    Record,
    ServerHello,
)
from tlsdemo.edu.records import Aead, Cipher, as_it_is, counted, of_its_own
from tlsdemo.edu.weak.clear import Clear
from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.edu.weak.integrity import BLOCK, Cbc
from tlsdemo.edu.weak.secrecy import Mac
from tlsdemo.edu.weak.transcript import only_the_numbers
from tlsdemo.explain import values
from tlsdemo.key_agreement import P256, FiniteField, Group, Hybrid, Multiplication, Nothing
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError


@dataclass(frozen=True)
class Sentences:
    """About one message, as one side sees it."""

    why: str
    result: str
    eavesdropper: str
    """What an eavesdropper learns."""


def sentences(machine: Machine, moment: Moment) -> Sentences:
    """The sentences about a message that was sent, or received and not refused."""
    return SENTENCES[type(moment.message)](machine, moment)


def _client_hello(machine: Machine, moment: Moment) -> Sentences:
    message, sender = moment.message, moment.sender
    assert isinstance(message, ClientHello)
    if isinstance(_group(machine), Nothing):
        return Sentences(
            "Begins the conversation. No keys are negotiated: the connection is not protected.",
            "Nothing: the server is not authenticated.",
            OPEN,
        )
    return Sentences(
        f"{_novelty(message.random)} The key share is computed from a secret that is not sent: "
        f"{_computed(machine, sender, message.share)}.",
        "The peer that answers can compute the shared secret from it.",
        f"Knows the server name, the random number and the key share. {_from_one_share(machine, message.share)}",
    )


OPEN = "Reads all of it. An attacker on the path can also change it."


def _server_hello(machine: Machine, moment: Moment) -> Sentences:
    message, sender = moment.message, moment.sender
    assert isinstance(message, ServerHello)
    if isinstance(_group(machine), Nothing):
        return Sentences("Confirms the rung.", "Nothing.", OPEN)
    return Sentences(
        f"{_novelty(message.random)} The server's key share is {_computed(machine, sender, message.share)}."
        + _origin(machine, message),
        f"{_shared_secret(machine)}. It was not sent. All keys are derived from it (HKDF).",
        _from_both_shares(machine),
    )


def _novelty(value: bytes) -> str:
    """The purpose of a random number; a warning if it is zero."""
    if any(value):
        return "The random number makes this conversation different from every other."
    return "THE RANDOM NUMBER IS ALL ZEROS: it does not distinguish this conversation from others."


def _origin(machine: Machine, message: ServerHello) -> str:
    """The origin of the server's secret, if it was not drawn for this conversation; else empty.

    A client that runs --without FRESHNESS does not know whether the server lacks it, too. Zeros in ServerHello show it.
    """
    if isinstance(_group(machine), P256):
        return " THE SERVER'S SECRET IS ITS CERTIFICATE'S PRIVATE KEY, the same in every conversation."
    return "" if any(message.random) else " THE SERVER REUSES ITS SECRET in every conversation."


def who(message: Certificate) -> str:
    """The certificates of a message; the reason if they cannot be read."""
    try:
        chain = trust.read_chain(message.chain)
    except ProtocolError as error:
        return str(error)
    leaf = peer.describe(chain[0])
    shown = f"{leaf.shown}, issued by {leaf.issuer}, valid until {leaf.not_after}"
    return f"{shown} ({len(chain)} certificate{'s' * (len(chain) > 1)} in the chain)."


UNCHECKED = {
    "purpose": "the purpose",
    "chain": "the path to a trust anchor",
    "dates": "validity",
    "name": "the name",
    "revocation": "revocation",
}
"""The checks of `trust.CHECKS`, as a list of omitted checks names them."""


def _certificate(machine: Machine, moment: Moment) -> Sentences:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Certificate)
    if sender is machine.side:
        have = f"The {sender.other.value} has the certificate. Its checks are not visible to the {sender.value}."
    elif not machine.parts.checks:
        have = "NOTHING IS CHECKED: any certificate is accepted, also one that an attacker made."
    else:
        assert machine.verdict
        asked = machine.parts.checks
        passed = "; ".join(
            check.detail for check in machine.verdict.checks if check.name in asked and check.result is Result.PASSED
        )
        have = f"Checked: {passed}."
        applies = trust.CHECKS if sender is Side.SERVER else [each for each in trust.CHECKS if each != "name"]
        if unchecked := [UNCHECKED[each] for each in applies if each not in asked]:
            have += f" NOT checked: {', '.join(unchecked)}."
    proof = "The signature that follows does." if _signs(machine) else "NO SIGNATURE FOLLOWS: a copy is accepted, too."
    return Sentences(
        f"Claims an identity. A certificate is public, so presenting it proves nothing. {proof}",
        have,
        "Sees the certificate. (TLS 1.3 encrypts it.)",
    )


def _signs(machine: Machine) -> bool:
    """Whether CertificateVerify follows a certificate."""
    return State.WAIT_CERTIFICATE_VERIFY in machine.parts.client


def _certificate_verify(machine: Machine, moment: Moment) -> Sentences:
    message, sender = moment.message, moment.sender
    assert isinstance(message, CertificateVerify)
    checks = machine.parts.checks
    if sender is machine.side:
        doubt = ""
    elif not checks:
        doubt = " Whose key it is was not checked."
    else:
        doubt = " The key may belong to another host: the name was not checked." * (
            "name" not in checks and sender is Side.SERVER
        )
    return Sentences(
        f"A signature over {covered(machine)}. Only the holder of the certificate's private key can make it. "
        f"{_replayed(machine, sender, 'signature')}",
        f"The {sender.value} has that private key.{doubt}",
        "Can verify the signature, but cannot make one without the private key. Nor can a man in the middle that "
        "presents this certificate.",
    )


def _replayed(machine: Machine, sender: Side, what: str) -> str:
    """Whether a recorded signature or Finished of that side verifies again. It covers the peer's random number."""
    if any(machine.randoms[sender.other]):
        return f"A {what} from an earlier conversation does not verify."
    return (
        f"THE {sender.value.upper()}'S MESSAGE FROM AN EARLIER CONVERSATION VERIFIES AGAIN: the random number of the "
        f"{sender.other.value} is all zeros."
    )


def covered(machine: Machine) -> str:
    """What signatures and Finished cover."""
    if machine.parts.transcript_hash is only_the_numbers:
        return "both random numbers and both key shares, and nothing else"
    return "all messages so far"


def _finished(machine: Machine, moment: Moment) -> Sentences:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Finished)
    if not message.verify_data:
        return Sentences("Ends the handshake.", "It proves nothing.", "Reads it.")
    same = (
        "the same random numbers and key shares"
        if machine.parts.transcript_hash is only_the_numbers
        else "the same messages"
    )
    sent = sender is machine.side
    return Sentences(
        f"A MAC over {covered(machine)}. It verifies only if both sides have the same shared secret and saw {same}. "
        f"{_detected(machine)} {_replayed(machine, Side.CLIENT, 'MAC')}",
        (
            f"The {sender.other.value} can check that both sides have the same shared secret and saw {same}."
            if sent
            else f"Verified: its sender has the shared secret and saw {same}."
        )
        + f" From here on, the {sender.value} sends records: {_protection(machine)}.",
        "Can compute a valid MAC, too: it has the keys."
        if is_undone(machine.parts.group)
        else "Learns nothing from it.",
    )


def _detected(machine: Machine) -> str:
    """Which attacks Finished detects, and which it does not."""
    found = (
        "A SERVER NAME OR CIPHER OFFER THAT WAS CHANGED IN TRANSIT IS NOT DETECTED."
        if machine.parts.transcript_hash is only_the_numbers
        else "A message that was changed in transit is detected."
    )
    if is_undone(machine.parts.group):
        found = f"{found} An attacker that computes the shared secret can compute a valid MAC."
    if _may_be_the_man_in_the_middle(machine):
        found = f"{found} A man in the middle is not detected: it computes a MAC for each side."
    return found


def _may_be_the_man_in_the_middle(machine: Machine) -> bool:
    """Whether a man in the middle can complete this handshake, as far as this side knows.

    A server does not know what the client checks. It knows only that there is nothing to check if no certificate is
    presented.
    """
    if State.WAIT_CERTIFICATE not in machine.parts.client:
        return True
    return machine.side is Side.CLIENT and not (_signs(machine) and "chain" in machine.parts.checks)


def cipher_of(machine: Machine) -> Cipher:
    """The cipher of the records."""
    return machine.parts.ciphers[machine.cipher]


def _protection(machine: Machine) -> str:
    """What the cipher provides."""
    match cipher_of(machine):
        case Mac():
            return "authenticated, and NOT encrypted"
        case Cbc():
            return "encrypted, and NOT authenticated"
        case Clear():
            return "neither encrypted nor authenticated"
    return "encrypted and authenticated"


def _record(machine: Machine, moment: Moment) -> Sentences:
    message = moment.message
    assert isinstance(message, Record)
    length = len(message.sealed)
    if isinstance(cipher_of(machine), Mac | Clear):
        seen = "Reads it: it is not encrypted."
    elif is_undone(machine.parts.group):
        seen = f"Sees {values.amount(length)} and decrypts them: it has the key."
    else:
        seen = f"Sees the length, {values.amount(length)}, and the time."
        if machine.parts.rules.pack is not as_it_is:
            seen += " The data was compressed, so its length also depends on the content."
        if isinstance(cipher_of(machine), Aead) and _repeats_nonces(machine):
            seen += " Nonces are used twice: two such records give the XOR of their contents."
    return Sentences(
        "Carries application data or an alert; the last record is a close_notify alert. "
        + _parts(machine, moment.inside[:-1], length),
        _accepted(machine),
        seen,
    )


def _repeats_nonces(machine: Machine) -> bool:
    rules = machine.parts.rules
    return rules.number is not counted or rules.keys is not of_its_own


def _parts(machine: Machine, inside: bytes, length: int) -> str:
    """The parts of a record, with their lengths."""
    packed = machine.parts.rules.pack(inside)
    compressed = machine.parts.rules.pack is not as_it_is
    rest = length - len(packed) - 1
    words = f"It is compressed to {len(packed)} bytes. " * compressed + "One byte is the content type"
    match cipher_of(machine):
        case Cbc():
            return f"{words}, {BLOCK} are the initialization vector, {rest - BLOCK} the padding; no tag follows."
        case Clear():
            return f"{words}; no tag follows."
    return f"{words}, and {rest} are the tag."


def _accepted(machine: Machine) -> str:
    """Which records the receiver accepts."""
    rules = machine.parts.rules
    what = {
        Cbc: "A CHANGED RECORD CAN BE ACCEPTED: it decrypts to other data, and it carries no tag to check.",
        Clear: "A CHANGED RECORD CAN BE ACCEPTED: it is not protected.",
    }.get(type(cipher_of(machine)))
    if what:
        return what
    position = "at this position" if rules.number is counted else "AT ANY POSITION AND MORE THAN ONCE"
    direction = "in this direction" if rules.keys is of_its_own else "IN BOTH DIRECTIONS"
    return f"The receiver accepts it only if it is unchanged, and only with this key, {position}, {direction}."


def _data(machine: Machine, moment: Moment) -> Sentences:
    return Sentences(
        "Carries application data.",
        "The receiver cannot detect a change: nothing is checked.",
        "Reads every byte.",
    )


def _alert(machine: Machine, moment: Moment) -> Sentences:
    return Sentences(
        "Ends the conversation and gives the reason.",
        f"The {moment.sender.value} sends nothing more.",
        "Reads it.",
    )


SENTENCES: dict[type[Message], Callable[[Machine, Moment], Sentences]] = {
    ClientHello: _client_hello,
    ServerHello: _server_hello,
    Certificate: _certificate,
    CertificateVerify: _certificate_verify,
    Finished: _finished,
    Record: _record,
    Data: _data,
    Alert: _alert,
}

# The numbers --------------------------------------------------------------------------------------------------------


def _group(machine: Machine) -> Group:
    """The group; of a `SameAnswer`, the group that it wraps."""
    group = machine.parts.group
    return group.group if isinstance(group, SameAnswer) else group


def _computed(machine: Machine, sender: Side, share: str) -> str:
    """How the sender computed its key share. The secret is shown only if this side is the sender."""
    secret = str(machine.secret) if sender is machine.side else "its secret"
    match _group(machine):
        case Multiplication(common=common):
            return f"{common} x {secret} = {share}"
        case FiniteField(p=p, g=g) if p < 2**64:
            return f"{g}^{secret} mod {p} = {share}"
        case FiniteField(p=p, g=g):
            return f"{g} to the power of the secret, modulo a prime of {p.bit_length()} bits"
        case Hybrid() if sender is Side.CLIENT:
            return "an ML-KEM-768 encapsulation key, and the secret times the base point of Curve25519"
        case Hybrid():
            return "an ML-KEM-768 ciphertext for the client's key, and the secret times the base point of Curve25519"
        case P256():
            return "the secret times the base point of P-256"
    return "the secret times the base point of Curve25519"


def _shared_secret(machine: Machine) -> str:
    """How both sides compute the shared secret."""
    shared, mine = int.from_bytes(machine.shared), machine.secret
    both = f"Both get the same {len(machine.shared)} bytes, starting with {machine.shared.hex()[:8]}"
    match _group(machine):
        case Multiplication():
            return f"Each side multiplies the other's key share by its own secret ({mine} here). Both get {shared}"
        case FiniteField(p=p) if p < 2**64:
            return (
                f"Each side raises the other's key share to its own secret ({mine} here) modulo {p}. Both get {shared}"
            )
        case Hybrid():
            return (
                "The client decapsulates the server's ciphertext, and each side combines its secret with the other's "
                f"point. {both}"
            )
    return f"Each side combines the other's key share with its own secret. {both}"


def _from_one_share(machine: Machine, share: str) -> str:
    """Whether an eavesdropper can compute the client's secret from the client's key share, and how."""
    match _group(machine):
        case Multiplication(common=common):
            return f"It divides: {share} / {common} = {int(share) // common}, the client's secret."
        case FiniteField(p=p) if p < TINY:
            return f"It tries all exponents: there are only {p - 2}."
        case FiniteField(p=p) as numbers if reaches(p):
            return f"It computes the exponent: `tlsdemo attack computed-secret --group {called(numbers)}` shows how."
        case group if tells_who_asks(group):
            return f"It cannot compute the secret. {ASKING}"
        case group if group.strong:
            return "No computer that exists today can compute the secret from it."
    return "Whether the secret can be computed from it is not known for this group."


ASKING = (
    "An attacker that sends messages to the server can, if the server reuses its secret: "
    "`tlsdemo attack computed-secret --group leaky`."
)


def _from_both_shares(machine: Machine) -> str:
    """Whether an eavesdropper can compute the shared secret."""
    group = _group(machine)
    if is_undone(group):
        shared = int.from_bytes(machine.shared)
        what = f"{shared}" if shared < 2**128 else f"a number of {shared.bit_length()} bits"
        return f"Computes one side's secret from the key shares, and then the shared secret, {what}. It has every key."
    hopeless = (
        "but cannot compute the shared secret"
        if group.strong or tells_who_asks(group)
        else "and perhaps can compute the shared secret"
    )
    if isinstance(group, P256):
        hopeless += ", until the private key of the server's certificate is stolen"
    return f"Has both key shares, {hopeless}. Nothing proves so far who sent them."
