"""Each step of a conversation, told as it happens: what is sent, why, what it gives, what an eavesdropper knows.

A `Teller` puts into words what a `Watch` is told: rows of (label, sentence). It reads the state of one side, and shows
its secret, as no real program would; it changes nothing. Each sentence follows from the parts that the handshake is
built of, strong or weak, and from the message: it has to be true for every set of protections.
"""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from pki.verdict import Result
from tlsdemo import peer
from tlsdemo.edu import authentication
from tlsdemo.edu.errors import ProtocolError
from tlsdemo.edu.groups import called, tells_who_asks
from tlsdemo.edu.key_agreement import FiniteField, Group, Hybrid, Multiplication, Nothing
from tlsdemo.edu.logarithms import TINY, reaches
from tlsdemo.edu.machine import Machine, Moment, State
from tlsdemo.edu.messages import (
    NAMES,
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
from tlsdemo.edu.weak.forward_secrecy import P256
from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.edu.weak.integrity import BLOCK, Cbc
from tlsdemo.edu.weak.secrecy import Mac
from tlsdemo.edu.weak.transcript import only_the_numbers
from tlsdemo.protocol import Side

Rows = list[tuple[str, str]]
Telling = tuple[str, str, str, str]  # what it is, why, what it gives, what an eavesdropper knows
WHY, HAVE, EAR = "why", "what this gives", "an eavesdropper"


class Teller:
    """Tells the conversations of one command. A `why` is told once in each conversation, and not with every record."""

    def __init__(self) -> None:
        self._told: WeakKeyDictionary[Machine, set[type[Message]]] = WeakKeyDictionary()

    def tell(self, machine: Machine, moment: Moment) -> Rows:
        """The rows for one message, as the side of `machine` sees it."""
        kind = type(moment.message)
        if moment.refused:
            return _refused(machine, moment)
        what, why, have, ear = TELLING[kind](machine, moment)
        direction = "sent" if moment.sender is machine.side else "came"
        rows = [(direction, f"{NAMES[kind]}, by the {moment.sender.value}: {what}")]
        told = self._told.setdefault(machine, set())
        if kind not in told:
            told.add(kind)
            rows += [(WHY, why), (HAVE, have), (EAR, ear)]
        elif kind is Certificate:  # the client's, after the server's: what was checked is another thing
            rows.append((HAVE, have))
        return rows


def _refused(machine: Machine, moment: Moment) -> Rows:
    """What this side did not accept: nothing of it is explained as if it held."""
    who = f"{NAMES[type(moment.message)]}, by the {moment.sender.value}"
    if isinstance(moment.message, Certificate):
        who += f": {_who(moment.message)}"
    return [("came", who), (HAVE, f"REFUSED: {moment.refused}.")]


def _client_hello(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, ClientHello)
    group = _group(machine)
    wanted = f"I look for {message.server_name or 'nobody by name'}"
    if isinstance(group, Nothing):
        return (
            f"{wanted}, and speak {message.rung}.",
            "To begin. There is nothing to negotiate: this line is open.",
            "Nothing: neither side knows whom it talks to.",
            "hears all of it, and may change it.",
        )
    return (
        f"{wanted}; {_random(message.random)}; in {_short(group.name)}, my public value is {_short(message.share)}.",
        f"{_novelty(message.random)} The public value is made of a secret that stays here: "
        f"{_made(machine, sender, message.share)}.",
        "Whoever answers can compute the shared secret from it.",
        f"knows the name, the random number, and the public value. {_undone(machine, message.share)}",
    )


def _server_hello(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, ServerHello)
    if isinstance(_group(machine), Nothing):
        return ("I speak it, too.", "To answer.", "Nothing.", "hears all of it, and may change it.")
    return (
        f"{_random(message.random)}; my public value is {_short(message.share)}.",
        f"{_novelty(message.random)} The other half of the agreement: {_made(machine, sender, message.share)}."
        + _origin(machine, message),
        f"{_common(machine, message.share)}. Neither has sent it. All keys are made of it (HKDF).",
        _reckons(machine),
    )


def _random(value: bytes) -> str:
    return f"my random number {_short(value.hex())}" if any(value) else "instead of a random number, zeros"


def _novelty(value: bytes) -> str:
    """What a random number is good for, if it is one."""
    if any(value):
        return "The random number makes this conversation unlike any other."
    return "NO RANDOM NUMBER WAS DRAWN: the same hello gets the same answer again."


def _origin(machine: Machine, message: ServerHello) -> str:
    """Where the server's secret comes from, if it was not drawn for this conversation.

    A client that is told --without FRESHNESS does not know whether the server does without it, too: the zeros say so.
    """
    if isinstance(_group(machine), P256):
        return " ITS SECRET IS THE KEY OF THE SERVER'S CERTIFICATE, the same in every conversation."
    return "" if any(message.random) else " ITS SECRET WAS DRAWN ONCE, and is the same in every conversation."


def _who(message: Certificate) -> str:
    try:
        chain = authentication.read_chain(message.chain)
    except ProtocolError as error:
        return str(error)
    leaf = peer.describe(chain[0])
    shown = f"I am {leaf.shown}, says {leaf.issuer}, until {leaf.not_after}"
    return f"{shown} ({len(chain)} certificate{'s' * (len(chain) > 1)})."


UNCHECKED = {
    "purpose": "the purpose",
    "chain": "the chain",
    "dates": "the validity period",
    "name": "the name",
    "revocation": "whether it was revoked",
}
"""Of `trust.CHECKS`: what is not known where one of them is left out."""


def _certificate(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Certificate)
    if sender is machine.side:
        have = f"The {sender.other.value} sees it; what it checks is its own affair."
    elif not machine.parts.checks:
        have = "NOTHING IS CHECKED HERE: any certificate is accepted, and anybody can make one."
    else:
        assert machine.verdict
        asked = machine.parts.checks
        passed = "; ".join(
            check.detail for check in machine.verdict.checks if check.name in asked and check.result is Result.PASSED
        )
        have = f"Checked: {passed}."
        applies = (
            authentication.CHECKS
            if sender is Side.SERVER
            else [each for each in authentication.CHECKS if each != "name"]
        )
        if unchecked := [UNCHECKED[each] for each in applies if each not in asked]:
            have += f" NOT checked: {', '.join(unchecked)}."
    proof = "the signature that follows does." if _signs(machine) else "NO SIGNATURE FOLLOWS: a copy passes as well."
    return (
        _who(message),
        f"To say who I am, and who issued the certificate. It is public: to present it proves nothing; {proof}",
        have,
        "sees it, too. (TLS 1.3 encrypts it already.)",
    )


def _signs(machine: Machine) -> bool:
    """Whether a certificate is followed by a proof that its key is there."""
    return State.WAIT_CERTIFICATE_VERIFY in machine.parts.client


def _certificate_verify(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, CertificateVerify)
    checks = machine.parts.checks
    if sender is machine.side:
        doubt = ""
    elif not checks:
        doubt = " But whose key is it? Nothing here was checked."
    else:
        doubt = " But it may be another host's: the name was not checked." * (
            "name" not in checks and sender is Side.SERVER
        )
    return (
        f"a signature over {_covered(machine)} ({len(message.signature)} bytes).",
        f"Only the key of the certificate makes it. {_replayed(machine, sender)}",
        f"The {sender.value} has that key.{doubt}",
        "can check it as well, and cannot make one without the key. Nor can a man in the middle, for this certificate.",
    )


def _replayed(machine: Machine, sender: Side) -> str:
    """Whether an old signature or Finished of that side would fit again: what the other side drew is in it."""
    if any(machine.randoms[sender.other]):
        return "One from an earlier conversation does not fit."
    return (
        f"THE {sender.value.upper()}'S FROM AN EARLIER CONVERSATION FITS AGAIN: the {sender.other.value} draws nothing."
    )


def _covered(machine: Machine) -> str:
    """What signatures and Finished are computed over."""
    if machine.parts.transcript_hash is only_the_numbers:
        return "both random numbers and both public values, and nothing else"
    return "all that was said so far"


def _finished(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Finished)
    if not message.verify_data:
        return ("I am ready.", "To end the greeting.", "Still nothing.", "hears it.")
    same = "the same numbers" if machine.parts.transcript_hash is only_the_numbers else "the same messages"
    sent = sender is machine.side
    return (
        f"a check value over {_covered(machine)}, {_short(message.verify_data.hex())}.",
        f"It fits only if both sides have the same secret and saw {same}. {_detected(machine)} "
        f"{_replayed(machine, Side.CLIENT)}",
        (
            f"The {sender.other.value} can check that we have the same secret and saw {same}."
            if sent
            else f"It was made with our secret, over {same} as we saw."
        )
        + f" From here on the {sender.value} sends records: {_protection(machine)}.",
        "can check it, since he has the keys, too." if is_undone(machine.parts.group) else "learns nothing from it.",
    )


def _detected(machine: Machine) -> str:
    """Who is found by Finished, and who is not."""
    found = (
        "A NAME OR AN OFFER THAT WAS CHANGED ON THE WAY IS NOT DETECTED."
        if machine.parts.transcript_hash is only_the_numbers
        else "A message that was changed on the way is detected."
    )
    if is_undone(machine.parts.group):
        found = f"{found} An attacker who computes the secret can make one that fits."
    if _may_be_the_man_in_the_middle(machine):
        found = f"{found} A man in the middle is not detected: he makes one for each side."
    return found


def _may_be_the_man_in_the_middle(machine: Machine) -> bool:
    """Whether nothing tells this client who answered. What a client checks, a server knows only where there is nothing.

    That is so where no certificate is presented.
    """
    if State.WAIT_CERTIFICATE not in machine.parts.client:
        return True
    return machine.side is Side.CLIENT and not (_signs(machine) and "chain" in machine.parts.checks)


def _cipher(machine: Machine) -> Cipher:
    return machine.parts.ciphers[machine.cipher]


def _protection(machine: Machine) -> str:
    """What its cipher does to a record."""
    match _cipher(machine):
        case Mac():
            return "authenticated, and NOT encrypted"
        case Cbc():
            return "encrypted, and NOT authenticated"
        case Clear():
            return "neither encrypted nor authenticated"
    return "encrypted and authenticated"


def _record(machine: Machine, moment: Moment) -> Telling:
    message = moment.message
    assert isinstance(message, Record)
    length = len(message.sealed)
    if isinstance(_cipher(machine), Mac | Clear):
        ear = "reads it: it is not encrypted."
    elif is_undone(machine.parts.group):
        ear = f"sees {length} bytes - and opens them, since he has the key."
    else:
        ear = f"sees that {length} bytes passed, and when."
        if machine.parts.rules.pack is not as_it_is:
            ear += " How many they are depends on what is in them, and tells of it."
        if isinstance(_cipher(machine), Aead) and _repeats_nonces(machine):
            ear += " Nonces are used twice: two such records give the XOR of what is in them."
    return (
        f"{moment.inside.decode('utf-8', 'replace')[:100]!r}: {length} bytes, {_short(message.sealed.hex())}",
        f"What the application says; in the end, that it has said all. {_parts(machine, moment.inside, length)}",
        _accepted(machine),
        ear,
    )


def _repeats_nonces(machine: Machine) -> bool:
    rules = machine.parts.rules
    return rules.number is not counted or rules.keys is not of_its_own


def _parts(machine: Machine, inside: bytes, length: int) -> str:
    """What the bytes of a record are."""
    packed = machine.parts.rules.pack(inside)
    compressed = machine.parts.rules.pack is not as_it_is
    rest = length - len(packed) - 1
    words = f"It is compressed to {len(packed)} bytes. A byte tells which of the two it is" * compressed
    words = words or "A byte tells which"
    match _cipher(machine):
        case Cbc():
            return f"{words}, {BLOCK} are the initialization vector, {rest - BLOCK} the padding; there is no tag."
        case Clear():
            return f"{words}; there is no tag."
    return f"{words}, and {rest} are the tag."


def _accepted(machine: Machine) -> str:
    """What a receiver takes for a record."""
    rules = machine.parts.rules
    what = {
        Cbc: "A CHANGED RECORD CAN PASS: it decrypts to something else, and no tag tells.",
        Clear: "A CHANGED RECORD CAN PASS: nothing protects it.",
    }.get(type(_cipher(machine)))
    if what:
        return what
    limits = ["It is accepted unchanged, with this key,"]
    limits.append("at this place" if rules.number is counted else "AT ANY PLACE, AND MORE THAN ONCE")
    if rules.keys is of_its_own:
        limits.append("in this direction,")
    else:
        limits.append("IN BOTH DIRECTIONS,")
    return " ".join([*limits, "or not at all."])


def _data(machine: Machine, moment: Moment) -> Telling:
    message = moment.message
    assert isinstance(message, Data)
    return (
        repr(message.text)[:200],
        "What the application says.",
        "The other side gets it, or what an attacker made of it: nothing is checked.",
        "has it, word for word.",
    )


def _alert(machine: Machine, moment: Moment) -> Telling:
    message = moment.message
    assert isinstance(message, Alert)
    return (
        f"{message.description} {message.detail}".strip(),
        "To say that this is the end, and why.",
        "Nothing more comes from this side.",
        "reads it.",
    )


TELLING: dict[type[Message], Callable[[Machine, Moment], Telling]] = {
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
    """The group itself, also where its answers are kept."""
    group = machine.parts.group
    return group.group if isinstance(group, SameAnswer) else group


def _made(machine: Machine, sender: Side, share: str) -> str:
    """How the sender's public value came about; with the secret where that is ours."""
    secret = str(machine.secret) if sender is machine.side else "its secret"
    match _group(machine):
        case Multiplication(common=common):
            return f"{common} x {secret} = {share}"
        case FiniteField(p=p, g=g) if p < 2**64:
            return f"{g}^{secret} mod {p} = {share}"
        case FiniteField(p=p, g=g):
            return f"{g} to the power of it, modulo a prime of {p.bit_length()} bits"
        case Hybrid() if sender is Side.CLIENT:
            return "an ML-KEM-768 key, and the base point of Curve25519, multiplied by it"
        case Hybrid():
            return "a secret sealed for the client's ML-KEM-768 key, and the base point of Curve25519, multiplied by it"
        case P256():
            return "the base point of P-256, multiplied by it"
    return "the base point of Curve25519, multiplied by it"


def _common(machine: Machine, server_share: str) -> str:
    shared, mine = int.from_bytes(machine.shared), machine.secret
    both = f"both get the same {len(machine.shared)} bytes, which begin with {machine.shared.hex()[:8]}"
    match _group(machine):
        case Multiplication():
            return f"Each multiplies what came by its own secret ({mine} here), and both get {shared}"
        case FiniteField(p=p) if p < 2**64:
            return f"Each raises what came to its own secret ({mine} here) modulo {p}, and both get {shared}"
        case Hybrid():
            return (
                f"The client opens what the server sealed, and each combines its secret with the other's point; {both}"
            )
    return f"Each combines what came with its own secret; {both}"


def _undone(machine: Machine, share: str) -> str:
    match _group(machine):
        case Multiplication(common=common):
            return f"He divides: {share} / {common} = {int(share) // common}. That was the secret."
        case FiniteField(p=p) if p < TINY:
            return f"He tries all exponents: there are only {p - 2}."
        case FiniteField(p=p) as numbers if reaches(p):
            return f"He finds the exponent: `tlsdemo attack computed-secret --group {called(numbers)}` tells how."
        case group if tells_who_asks(group):
            return f"Listening does not tell the secret. {ASKING}"
        case group if group.strong:
            return "No computer that exists gets from that to the secret."
    return "Whether one can get from that to the secret is not known for this group."


ASKING = "Asking does, where the server keeps its secret: `tlsdemo attack computed-secret --group leaky`."


def _reckons(machine: Machine) -> str:
    group = _group(machine)
    if is_undone(group):
        shared = int.from_bytes(machine.shared)
        what = f"{shared}" if shared < 2**128 else f"the secret of {shared.bit_length()} bits"
        return f"has both public values, undoes one of them, and gets {what}, too: every key is his."
    hopeless = "and not the secret" if group.strong or tells_who_asks(group) else "and perhaps the secret"
    if isinstance(group, P256):
        hopeless += ", until the key of the server's certificate is stolen"
    return f"has both public values, {hopeless}. Nothing proves yet whose they are."


def is_undone(group: Group) -> bool:
    """Whether a listener gets from the public values to the secret while one waits."""
    group = group.group if isinstance(group, SameAnswer) else group
    return isinstance(group, Multiplication) or (isinstance(group, FiniteField) and reaches(group.p))


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}…"
