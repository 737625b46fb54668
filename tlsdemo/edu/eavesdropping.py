"""What an eavesdropper learns from an educational conversation, by reading and by computing.

The eavesdropper knows the protocol, which is public, and has every byte, but no key. Against `multiply` it divides; in
a weak group it computes the exponent; against a strong group it learns nothing. A `Recording` is opened later, with
something that the attacker obtained since: a stolen key, or the discrete logarithms that a quantum computer finds.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from pki.keys import PrivateKey
from tlsdemo.edu import messages
from tlsdemo.edu.groups import LEAKY
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
from tlsdemo.key_agreement import FiniteField, Group, Multiplication
from tlsdemo.protocol import Deciphered, Flight, Side
from tlsdemo.violations import ProtocolError, Violation


@dataclass(frozen=True)
class Heard:
    """One line that passed, and what the eavesdropper learns from it."""

    sender: Side
    line: bytes
    notes: tuple[str, ...] = ()
    """What it computes, in sentences."""
    read: bytes = b""
    """The application data in the line that it can read."""


Find = Callable[[str, str, str], "Cracked | None"]
"""Computes the shared secret from the group and both key shares; None if it cannot."""


def read(tape: Sequence[Flight]) -> bytes:
    """The application data that an eavesdropper reads in a recording, in the order in which it was sent."""
    return _read(tape, LineEavesdropper()).words


def _read(tape: Sequence[Flight], listener: "LineEavesdropper") -> Deciphered:
    heard = [each for flight in tape for each in listener.hear(flight)]
    return Deciphered(b"".join(each.read for each in heard), tuple(note for each in heard for note in each.notes))


ANY_CIPHER: Mapping[str, Cipher] = {**CIPHERS, **integrity.CIPHERS, **secrecy.CIPHERS, NO_CIPHER: Clear()}


class AnyRules(RecordChannel):
    """A channel whose rules are not known: the hellos do not name them. Keeps those that open the records."""

    def __init__(self, side: Side, secrets: Secrets, cipher: str) -> None:
        self._left = [
            RecordChannel(side, secrets, ANY_CIPHER[cipher], Rules(number, keys, unpack=unpack))
            for unpack in (compression.unpack, as_it_is)
            for number in (counted, order.all_alike)
            for keys in (of_its_own, key_separation.one_for_both)
        ]

    def open(self, message: Message) -> tuple[Content, bytes]:
        """The content by the first rules that open it; ProtocolError if none do."""
        opened = []
        for each in self._left:
            with suppress(ProtocolError):
                opened.append((each, each.open(message)))
        if not opened:
            raise ProtocolError(Violation.BAD_RECORD)
        self._left = [each for each, _ in opened]
        return opened[0][1]


def _in_the_clear(sealed: bytes, cipher: str | None) -> bytes:
    """The application data of a record that is not encrypted; empty for an encrypted one, and for an alert."""
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
    """Builds the channel from a side, the keys and the cipher's name. How records are protected is public."""
    _lines: dict[Side, Cutter] = field(default_factory=lambda: {side: Cutter() for side in Side})
    _client: ClientHello | None = None
    _server: ServerHello | None = None
    _channels: dict[Side, RecordChannel] = field(default_factory=dict)

    def hear(self, flight: Flight) -> list[Heard]:
        """The lines that this flight completes."""
        return [self._line(flight.sender, line) for line in self._lines[flight.sender].feed(flight.data)]

    def _line(self, sender: Side, line: bytes) -> Heard:
        try:
            match messages.read(line):
                case ClientHello() as hello if sender is Side.CLIENT and self._client is None:
                    self._client = hello
                case ServerHello() as hello if sender is Side.SERVER and self._client and self._server is None:
                    self._server = hello  # a second ServerHello is ignored
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
        """Compute the shared secret from both hellos, and set up the channels if that succeeds; the notes."""
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
        except (ValueError, LookupError, ArithmeticError):  # an invalid group, an unknown cipher
            return ()
        return (*found.how, "all keys are derived from it: every record from here on can be decrypted")


LEAKY_NAME = f"{LEAKY[0]}:{LEAKY[2]}"  # as it stands in a client_hello


def _hopeless(group: str) -> str:
    if group in ("x25519", "ffdhe2048"):
        return f"{group}: no computer that exists today can compute the shared secret from the two key shares"
    if group == LEAKY_NAME:
        return (
            "the shared secret cannot be computed from the two key shares; an attacker that sends messages to the "
            "server can compute it, if the server reuses its secret: `tlsdemo attack computed-secret --group leaky`"
        )
    return "the shared secret was not found: none of the methods here computes it from the two key shares"


@dataclass(frozen=True)
class Cracked:
    """The shared secret, and how it was found."""

    shared: bytes
    how: tuple[str, ...]


def crack(group: str, client_share: str, server_share: str) -> Cracked | None:
    """The shared secret, computed from both key shares; None if no method here can.

    Raises GaveUp if other conversations keep the computation busy for PATIENCE seconds.
    """
    if toy := re.fullmatch(r"multiplication by (\d+)", group):
        common, a = int(toy[1]), int(client_share) // int(toy[1])
        shared = Multiplication(common).shared(a, server_share)
        return Cracked(
            shared,
            (
                f"the client's secret is {client_share} / {common} = {a}",
                f"the shared secret is {a} x {server_share} = {int.from_bytes(shared)}",
            ),
        )
    if made_up := re.fullmatch(r"(\d{1,1300}):(\d{1,1300})", group):
        with _turn():
            numbers = FiniteField(int(made_up[1]), int(made_up[2]))
            if found := discrete_log(numbers.p, numbers.g, numbers.number(client_share)):
                return Cracked(numbers.shared(found.exponent, server_share), found.how)
    return None


PATIENCE = 20.0  # seconds that one conversation waits for logarithms of other conversations
TURN = threading.Lock()


class GaveUp(Exception):
    """The shared secret was not computed; the message gives the reason."""


@contextmanager
def _turn() -> Iterator[None]:
    """Compute one logarithm at a time: each may take a second and 100 MB."""
    if not TURN.acquire(timeout=PATIENCE):
        raise GaveUp(f"gave up after {PATIENCE:g} s: logarithms of other conversations are still being computed")
    try:
        yield
    finally:
        TURN.release()


# Later --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """Decrypts a recording of a protocol that is built of these parts. The methods are `Hooks`."""

    parts: Parts

    def reckon(self, tape: Sequence[Flight]) -> Deciphered:
        """Compute the shared secret from the key shares."""
        return self._open(tape, crack)

    def confine(self, tape: Sequence[Flight], ask: Callable[[bytes], bytes]) -> Deciphered:
        """Compute the server's secret with the small-subgroup attack; `ask` sends a first flight to the server.

        Empty if the group is strong, or if the server draws a new secret for each conversation.
        """
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
        """Decrypt with the private key of the server's certificate: it helps if that was the server's secret."""

        def find(group: str, client_share: str, server_share: str) -> Cracked | None:
            if isinstance(key, ec.EllipticCurvePrivateKey) and group == "secp256r1":
                secret = key.private_numbers().private_value
                if self.parts.group.public(secret) == server_share:
                    return Cracked(
                        self.parts.group.shared(secret, client_share), ("the stolen key is the server's secret",)
                    )
            return crack(group, client_share, server_share)

        return self._open(tape, find).words

    def solve(self, tape: Sequence[Flight], draws: Collection[bytes]) -> bytes:
        """Decrypt with the discrete logarithms of the key shares. It is a simulation: they are taken from `draws`.

        In a hybrid key share only the point has a discrete logarithm. The ML-KEM secret is not one, and is not used.
        """
        logarithms = [_secret_drawn(self.parts.group, drawn) % 2**256 for drawn in draws]

        def find(group: str, client_share: str, server_share: str) -> Cracked | None:
            for logarithm in logarithms:
                if _public(self.parts.group, logarithm) == client_share:
                    return Cracked(self.parts.group.shared(logarithm, server_share), ("the logarithm is given",))
            return crack(group, client_share, server_share)

        return self._open(tape, find).words

    def _open(self, tape: Sequence[Flight], find: Find) -> Deciphered:
        def channel(side: Side, secrets: Secrets, cipher: str) -> RecordChannel:
            return self.parts.channel(side, secrets, self.parts.ciphers[cipher], self.parts.rules)

        return _read(tape, LineEavesdropper(find, channel))


def _secret_drawn(group: Group, drawn: bytes) -> int:
    return group.draw(lambda length: drawn)


def _public(group: Group, secret: int) -> str:
    """The key share for that secret; empty if the group has none for it."""
    try:
        return group.public(secret)
    except (ValueError, OverflowError):
        return ""
