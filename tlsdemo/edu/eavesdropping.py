"""What somebody who only listens can make of an educational conversation, by reading and by reckoning.

He knows the protocol, which is no secret, and has every byte; he has no key. Against `multiply` he divides; in a weak
group he finds the exponent; against a strong group he does not know how to begin, and gets nothing. A `Recording` is
opened later, by one who has come by something: a stolen key, or the discrete logarithms that a quantum computer finds.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from pki.keys import PrivateKey
from tlsdemo.edu import messages
from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.edu.groups import LEAKY
from tlsdemo.edu.key_agreement import FiniteField, Group, Multiplication
from tlsdemo.edu.key_schedule import Secrets, schedule
from tlsdemo.edu.logarithms import discrete_log
from tlsdemo.edu.machine import Parts
from tlsdemo.edu.messages import NO_CIPHER, ClientHello, Cutter, Data, Message, Record, ServerHello
from tlsdemo.edu.records import CIPHERS, Cipher, Content, RecordChannel, Rules, as_it_is, counted, of_its_own
from tlsdemo.edu.small_subgroup_attack import SmallSubgroupAttack
from tlsdemo.edu.weak import compression, integrity, key_separation, order, secrecy
from tlsdemo.edu.weak.clear import Clear
from tlsdemo.edu.weak.freshness import SameAnswer
from tlsdemo.edu.weak.secrecy import Mac
from tlsdemo.protocol import Deciphered, Flight, Side


@dataclass(frozen=True)
class Heard:
    """One line that passed, and what he makes of it."""

    sender: Side
    line: bytes
    notes: tuple[str, ...] = ()
    """What he works out."""
    read: bytes = b""
    """What the application said in it, as far as he can read that."""


Find = Callable[[str, str, str], "Cracked | None"]
"""From the group and both public values to the shared secret, if he finds a way."""


def read(tape: Sequence[Flight]) -> bytes:
    """All that he reads of a whole recording by arithmetic, in the order in which it was said."""
    return _read(tape, LineEavesdropper()).words


def _read(tape: Sequence[Flight], listener: "LineEavesdropper") -> Deciphered:
    heard = [each for flight in tape for each in listener.hear(flight)]
    return Deciphered(b"".join(each.read for each in heard), tuple(note for each in heard for note in each.notes))


ANY_CIPHER: Mapping[str, Cipher] = {**CIPHERS, **integrity.CIPHERS, **secrecy.CIPHERS, NO_CIPHER: Clear()}


class AnyRules(RecordChannel):
    """A channel whose rules are not told in the hellos: those that open what passes are kept."""

    def __init__(self, side: Side, secrets: Secrets, cipher: str) -> None:
        self._left = [
            RecordChannel(side, secrets, ANY_CIPHER[cipher], Rules(number, keys, unpack=unpack))
            for unpack in (compression.unpack, as_it_is)
            for number in (counted, order.all_alike)
            for keys in (of_its_own, key_separation.one_for_both)
        ]

    def open(self, message: Message) -> tuple[Content, bytes]:
        """By the first rules that open it; ProtocolError if none do."""
        opened = []
        for each in self._left:
            with suppress(ProtocolError):
                opened.append((each, each.open(message)))
        if not opened:
            raise ProtocolError(Violation.BAD_RECORD)
        self._left = [each for each, _ in opened]
        return opened[0][1]


def _in_the_clear(sealed: bytes, cipher: str | None) -> bytes:
    """What the application said in a record that is not encrypted; empty where it is, or where it said nothing."""
    found = ANY_CIPHER.get(cipher) if cipher else None
    if not isinstance(found, Mac | Clear):
        return b""
    plaintext = sealed[: -found.length] if isinstance(found, Mac) else sealed
    if plaintext[-1:] != bytes([Content.DATA.value]):
        return b""
    with suppress(ProtocolError):
        return compression.unpack(plaintext[:-1])
    return plaintext[:-1]


@dataclass
class LineEavesdropper:
    """Listens to one conversation."""

    find: Find = field(default_factory=lambda: crack)
    channel: Callable[[Side, Secrets, str], RecordChannel] = AnyRules
    """How records are sealed, which is no secret: for a side, the keys, and the cipher's name."""
    _lines: dict[Side, Cutter] = field(default_factory=lambda: {side: Cutter() for side in Side})
    _client: ClientHello | None = None
    _server: ServerHello | None = None
    _channels: dict[Side, RecordChannel] = field(default_factory=dict)

    def hear(self, flight: Flight) -> list[Heard]:
        """The lines that are complete with this flight."""
        return [self._line(flight.sender, line) for line in self._lines[flight.sender].feed(flight.data)]

    def _line(self, sender: Side, line: bytes) -> Heard:
        try:
            match messages.read(line):
                case ClientHello() as hello if sender is Side.CLIENT and self._client is None:
                    self._client = hello
                case ServerHello() as hello if sender is Side.SERVER and self._client and self._server is None:
                    self._server = hello  # a second answer is not computed with
                    return Heard(sender, line, self._reckon(self._client, hello))
                case Data(text):
                    return Heard(sender, line, read=text.encode("latin-1"))
                case Record(sealed) if read := _in_the_clear(sealed, self._server.cipher if self._server else None):
                    return Heard(sender, line, read=read)
                case Record() as record if sender in self._channels:
                    content, data = self._channels[sender].open(record)
                    return Heard(sender, line, read=data if content is Content.DATA else b"")
        except ProtocolError:
            pass  # not a message of this protocol, or a record that does not open
        return Heard(sender, line)

    def _reckon(self, client: ClientHello, server: ServerHello) -> tuple[str, ...]:
        """Both hellos have passed: can he get from the public values to the shared secret?"""
        if not client.share:
            return ()
        try:
            found = self.find(client.group, client.share, server.share)
            if found is None:
                return (_hopeless(client.group),)
            secrets = schedule(found.shared, client.random, server.random)
            # A server opens what the client seals: each direction is opened as its receiver would.
            self._channels = {sender: self.channel(sender.other, secrets, server.cipher) for sender in Side}
        except GaveUp as given_up:
            return (str(given_up),)
        except (ValueError, LookupError, ArithmeticError):  # numbers that are not a group, a cipher that is unknown
            return ()
        return (*found.how, "all keys follow from it: from here on he reads")


LEAKY_NAME = f"{LEAKY[0]}:{LEAKY[2]}"  # as it stands in a client_hello


def _hopeless(group: str) -> str:
    if group in ("x25519", "ffdhe2048"):
        return f"{group}: both halves are here, and no computer that exists gets from them to the secret"
    if group == LEAKY_NAME:
        return (
            "both halves are here, and do not tell the secret to who only listens; the server tells it to who sends, "
            "if it keeps its secret: `tlsdemo attack computed-secret --group leaky`"
        )
    return "both halves are here; he has tried what he has patience for, and found nothing"


@dataclass(frozen=True)
class Cracked:
    """The shared secret, and how it was found."""

    shared: bytes
    how: tuple[str, ...]


def crack(group: str, client_share: str, server_share: str) -> Cracked | None:
    """The shared secret out of what passed the line, if there is a way; GaveUp where others are computing."""
    if toy := re.fullmatch(r"multiplication by (\d+)", group):
        common, a = int(toy[1]), int(client_share) // int(toy[1])
        shared = Multiplication(common).shared(a, server_share)
        return Cracked(
            shared,
            (
                f"he divides: {client_share} / {common} = {a}, the client's secret",
                f"he multiplies: {a} x {server_share} = {int.from_bytes(shared)}, what both share",
            ),
        )
    if made_up := re.fullmatch(r"(\d{1,1300}):(\d{1,1300})", group):
        with _turn():
            numbers = FiniteField(int(made_up[1]), int(made_up[2]))
            if found := discrete_log(numbers.p, numbers.g, numbers.number(client_share)):
                return Cracked(numbers.shared(found.exponent, server_share), found.how)
    return None


PATIENCE = 20.0  # seconds that one conversation waits for the logarithms of the others
TURN = threading.Lock()


class GaveUp(Exception):
    """The shared secret was not searched for; the message says why."""


@contextmanager
def _turn() -> Iterator[None]:
    """One logarithm at a time: each may take a second and 100 MB."""
    if not TURN.acquire(timeout=PATIENCE):
        raise GaveUp(f"given up after {PATIENCE:g} seconds: the logarithms of other conversations come first")
    try:
        yield
    finally:
        TURN.release()


# Later --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """Opens what was recorded of a protocol that is built of these parts."""

    parts: Parts

    def reckon(self, tape: Sequence[Flight]) -> Deciphered:
        """By arithmetic."""
        return self._open(tape, crack)

    def confine(self, tape: Sequence[Flight], ask: Callable[[bytes], bytes]) -> Deciphered:
        """By asking the server: it tells its secret piece by piece, where the group lets it and the secret stays."""
        numbers = self.parts.group
        while isinstance(numbers, SameAnswer):
            numbers = numbers.group
        if not isinstance(numbers, FiniteField) or numbers.strong:
            return Deciphered()

        def find(group: str, client_share: str, server_share: str) -> Cracked | None:
            asked = SmallSubgroupAttack(numbers, self.parts, b"".join(each.data for each in tape), ask)
            secret = asked.secret(server_share)
            return Cracked(numbers.shared(secret, client_share), asked.how) if secret is not None else None

        return self._open(tape, find)

    def decipher(self, tape: Sequence[Flight], key: PrivateKey) -> bytes:
        """With the key of the server's certificate: if that was its half of the agreement, he is where it was."""

        def find(group: str, client_share: str, server_share: str) -> Cracked | None:
            if isinstance(key, ec.EllipticCurvePrivateKey) and group == "secp256r1":
                secret = key.private_numbers().private_value
                if self.parts.group.public(secret) == server_share:
                    return Cracked(self.parts.group.shared(secret, client_share), ("the stolen key is its half",))
            return crack(group, client_share, server_share)

        return self._open(tape, find).words

    def solve(self, tape: Sequence[Flight], draws: Collection[bytes]) -> bytes:
        """With the discrete logarithms of the public values: a simulation, they are taken from what was drawn.

        In a hybrid share only the point has one; the secret of ML-KEM is no logarithm, and is not handed to him.
        """
        logarithms = [_secret_drawn(self.parts.group, drawn) % 2**256 for drawn in draws]

        def find(group: str, client_share: str, server_share: str) -> Cracked | None:
            for logarithm in logarithms:
                if _public(self.parts.group, logarithm) == client_share:
                    return Cracked(self.parts.group.shared(logarithm, server_share), ("he is told the logarithm",))
            return crack(group, client_share, server_share)

        return self._open(tape, find).words

    def _open(self, tape: Sequence[Flight], find: Find) -> Deciphered:
        def channel(side: Side, secrets: Secrets, cipher: str) -> RecordChannel:
            return self.parts.channel(side, secrets, self.parts.ciphers[cipher], self.parts.rules)

        return _read(tape, LineEavesdropper(find, channel))


def _secret_drawn(group: Group, drawn: bytes) -> int:
    return group.draw(lambda length: drawn)


def _public(group: Group, secret: int) -> str:
    """Empty where that secret belongs to no public value of the group."""
    try:
        return group.public(secret)
    except (ValueError, OverflowError):
        return ""
