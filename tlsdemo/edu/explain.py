"""Each step of a conversation, told as it happens: what is sent, why, what it gives, what an eavesdropper knows.

A `Teller` puts into words what a `Watch` is told: rows of (label, sentence). It reads the state of one side, and shows
its secret, as no real program would; it changes nothing.
"""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from pki.verdict import Result
from tlsdemo import peer
from tlsdemo.edu import trust
from tlsdemo.edu.agreement import FiniteField, Group, Multiplication, Nothing
from tlsdemo.edu.logarithms import TINY, reaches
from tlsdemo.edu.machine import Machine, Moment
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
from tlsdemo.edu.violations import ProtocolError
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
    group = machine.parts.group
    wanted = f"I look for {message.server_name or 'nobody by name'}"
    if isinstance(group, Nothing):
        return (
            f"{wanted}, and speak {message.rung}.",
            "To begin. There is nothing to negotiate: this line is open.",
            "Nothing: neither side knows whom it talks to.",
            "hears all of it, and may change it.",
        )
    return (
        f"{wanted}; my random number {_short(message.random.hex())}; in {_short(group.name)}, my public value is "
        f"{_short(message.share)}.",
        "The random number makes this conversation unlike any other. The public value is made of a secret that stays "
        f"here: {_made(machine, sender, message.share)}.",
        "The server can make the common secret out of it; nobody else should.",
        f"knows the name, the random number, and the public value. {_undone(machine, message.share)}",
    )


def _server_hello(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, ServerHello)
    group = machine.parts.group
    if isinstance(group, Nothing):
        return ("I speak it, too.", "To answer.", "Nothing.", "hears all of it, and may change it.")
    return (
        f"my random number {_short(message.random.hex())}; my public value is {_short(message.share)}.",
        f"The other half of the agreement: {_made(machine, sender, message.share)}.",
        f"{_common(machine, message.share)}. Neither has sent it. All keys are made of it (HKDF).",
        _reckons(machine),
    )


def _who(message: Certificate) -> str:
    try:
        chain = trust.read_chain(message.chain)
    except ProtocolError as error:
        return str(error)
    leaf = peer.describe(chain[0])
    shown = f"I am {leaf.shown}, says {leaf.issuer}, until {leaf.not_after}"
    return f"{shown} ({len(chain)} certificate{'s' * (len(chain) > 1)})."


def _certificate(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Certificate)
    if sender is machine.side:
        have = f"The {sender.other.value} can look at it, and at who vouches for it."
    elif not machine.parts.checks:
        have = "NOTHING IS CHECKED HERE: any certificate will do in this rung, and anybody can make one."
    else:
        assert machine.verdict
        asked = machine.parts.checks
        passed = "; ".join(
            check.detail for check in machine.verdict.checks if check.name in asked and check.result is Result.PASSED
        )
        have = f"Checked: {passed}."
        if "revocation" not in asked:
            have += " NOT checked: whether it was revoked."
    return (
        _who(message),
        "To say who I am, and who vouches for it. It is public: to show it proves nothing yet.",
        have,
        "sees it, too. (TLS 1.3 encrypts it already.)",
    )


def _certificate_verify(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, CertificateVerify)
    believed = bool(machine.parts.checks) or sender is machine.side
    return (
        f"a signature over all that was said so far ({len(message.signature)} bytes).",
        "Only who has the certificate's key can sign this very conversation; one from yesterday does not fit.",
        f"The {sender.value} has that key." + ("" if believed else " But whose key is it? Nobody here has asked."),
        "can check it as well, and cannot make one. Nor can a man in the middle, for this certificate.",
    )


def _finished(machine: Machine, moment: Moment) -> Telling:
    message, sender = moment.message, moment.sender
    assert isinstance(message, Finished)
    if not message.verify_data:
        return ("I am ready.", "To end the greeting.", "Still nothing.", "hears it.")
    return (
        f"a check value over all that was said so far, {_short(message.verify_data.hex())}.",
        "Only who has the common secret can make it, and only if both saw the same messages: whoever changed one on "
        "the way is found here.",
        (
            f"The {sender.other.value} can check that we have the same secret and saw the same."
            if sender is machine.side
            else f"The {sender.value} has the secret, and saw what we saw."
        )
        + f" From here on the {sender.value} speaks in sealed records.",
        "can check it, since he has the keys, too." if is_undone(machine.parts.group) else "learns nothing from it.",
    )


def _record(machine: Machine, moment: Moment) -> Telling:
    message = moment.message
    assert isinstance(message, Record)
    length = len(message.sealed)
    ear = (
        f"sees {length} bytes - and opens them, since he has the key."
        if is_undone(machine.parts.group)
        else f"sees that {length} bytes passed, and when."
    )
    return (
        f"{moment.inside.decode('utf-8', 'replace')[:100]!r}, sealed: {length} bytes, {_short(message.sealed.hex())}",
        "What the application says; in the end, that it has said all. A byte tells which, and 16 are the tag.",
        "It opens with this key, as this record, unchanged; or not at all.",
        ear,
    )


def _data(machine: Machine, moment: Moment) -> Telling:
    message = moment.message
    assert isinstance(message, Data)
    return (
        repr(message.text)[:200],
        "What the application says.",
        "The other side has it, as long as nobody changed it.",
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


def _made(machine: Machine, sender: Side, share: str) -> str:
    """How the sender's public value came about; with the secret where that is ours."""
    secret = str(machine.secret) if sender is machine.side else "its secret"
    match machine.parts.group:
        case Multiplication(common=common):
            return f"{common} x {secret} = {share}"
        case FiniteField(p=p, g=g) if p < 2**64:
            return f"{g}^{secret} mod {p} = {share}"
        case FiniteField(p=p, g=g):
            return f"{g} to the power of it, modulo a prime of {p.bit_length()} bits"
    return "a point of a curve, multiplied by it"


def _common(machine: Machine, server_share: str) -> str:
    shared, mine = int.from_bytes(machine.shared), machine.secret
    match machine.parts.group:
        case Multiplication():
            return f"Each multiplies what came by its own secret ({mine} here), and both get {shared}"
        case FiniteField(p=p) if p < 2**64:
            return f"Each raises what came to its own secret ({mine} here) modulo {p}, and both get {shared}"
    return (
        f"Each combines what came with its own secret; both get the same {len(machine.shared)} bytes, which begin "
        + (f"with {machine.shared.hex()[:8]}")
    )


def _undone(machine: Machine, share: str) -> str:
    match machine.parts.group:
        case Multiplication(common=common):
            return f"He divides: {share} / {common} = {int(share) // common}. That was the secret."
        case FiniteField(p=p) if p < TINY:
            return f"He tries all exponents: there are only {p - 2}."
        case FiniteField(p=p) if reaches(p):
            return "He finds the exponent: `tlsdemo attack computed-secret --group` tells how."
        case group if group.strong:
            return "Nobody knows how to get from that to the secret."
    return "Whether one can get from that to the secret, nobody has said of this group."


def _reckons(machine: Machine) -> str:
    if is_undone(machine.parts.group):
        shared = int.from_bytes(machine.shared)
        what = f"{shared}" if shared < 2**128 else f"the secret of {shared.bit_length()} bits"
        return f"has both public values, undoes one of them, and gets {what}, too: every key is his."
    hopeless = "and not the secret" if machine.parts.group.strong else "and perhaps the secret"
    return f"has both public values, {hopeless}. But nobody has proved yet whose they are."


def is_undone(group: Group) -> bool:
    """Whether a listener gets from the public values to the secret while one waits."""
    return isinstance(group, Multiplication) or (isinstance(group, FiniteField) and reaches(group.p))


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}…"
