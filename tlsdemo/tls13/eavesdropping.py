"""What an eavesdropper learns from a TLS 1.3 conversation with something more than the bytes.

    both key shares --find--> shared secret --key schedule--> all keys --> every record

The eavesdropper knows the protocol, which is public, and has every byte, but no key. It finds the shared secret if the
group is a multiplication, if the server's key share belongs to a stolen key, or if it is given the discrete logarithms
that a quantum computer would find. Against TLS 1.3 with all protections, it finds nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from pki.keys import PrivateKey
from tlsdemo.edu.eavesdropping import Cracked, Heard, crack
from tlsdemo.edu.records import Direction
from tlsdemo.protocol import Deciphered, Flight, Side
from tlsdemo.tls13.key_agreement import GROUPS, SECP256R1, NamedGroup
from tlsdemo.tls13.machine import APPLICATION_LABELS, HANDSHAKE_LABELS, Parts, Suite
from tlsdemo.violations import ProtocolError
from tlsdemo.wire import key_schedule13, records
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import KEY_SHARE, KeyShareClientHello, KeyShareServerHello
from tlsdemo.wire.fields import WireError, decode, encode
from tlsdemo.wire.handshake import Handshake, ServerHello, messages
from tlsdemo.wire.key_schedule13 import Label
from tlsdemo.wire.messages13 import HelloRetryRequest, structure

CLIENT_HELLO, SERVER_HELLO, FINISHED, KEY_UPDATE = 1, 2, 20, 24

LONGEST = 1 << 20  # bytes of handshake messages that are kept; longer ones are not followed

Find = Callable[[NamedGroup, bytes, bytes], Cracked | None]
"""Computes the shared secret from the group and both key shares; None if it cannot."""


@dataclass
class RecordEavesdropper:
    """Listens to one conversation, and decrypts it once the shared secret is found."""

    parts: Parts
    find: Find
    hopeless: str = "no computer that exists today can compute the shared secret from the two key shares"
    """The note if the shared secret is not found."""
    _cutters: Mapping[Side, records.Cutter] = field(default_factory=lambda: {side: records.Cutter() for side in Side})
    _fragments: dict[Side, bytes] = field(default_factory=lambda: dict.fromkeys(Side, b""))
    _transcript: bytes = b""
    _client: ClientHello | None = None
    _suite: Suite | None = None
    _handshake_secret: bytes = b""
    _application: dict[Side, bytes] = field(default_factory=dict)
    """The application traffic secrets; a side uses its own after its Finished."""
    _directions: dict[Side, Direction] = field(default_factory=dict)

    def hear(self, flight: Flight) -> list[Heard]:
        """The records that this flight completes, each once."""
        return [self._record(flight.sender, raw) for raw in self._cutters[flight.sender].feed(flight.data)]

    def _record(self, sender: Side, raw: bytes) -> Heard:
        content_type, content = raw[0], raw[records.HEADER :]
        if content_type == records.APPLICATION_DATA:
            if sender not in self._directions:
                return Heard(sender, raw)
            try:
                content_type, content = self._opened(self._directions[sender], raw)
            except ProtocolError:  # a record that was changed, or another weak part
                return Heard(sender, raw)
        if content_type == records.APPLICATION_DATA:
            return Heard(sender, raw, read=content)
        notes: tuple[str, ...] = ()
        if content_type == records.HANDSHAKE and len(self._transcript) + len(self._fragments[sender]) < LONGEST:
            self._fragments[sender] += content
            for message in messages(self._fragments[sender]):
                encoded = encode(message)
                self._fragments[sender] = self._fragments[sender][len(encoded) :]
                with suppress(WireError):
                    notes += self._message(sender, message, encoded)
        return Heard(sender, raw, notes)

    def _message(self, sender: Side, message: Handshake, encoded: bytes) -> tuple[str, ...]:
        """Follow the keys through the handshake; the notes."""
        if message.msg_type == KEY_UPDATE and self._suite and self._application:
            old = self._application[sender]
            self._application[sender] = key_schedule13.next_traffic_secret(self._suite.hash, old)
            self._use(sender, self._application)
            return ()
        before = self._transcript
        self._transcript += encoded
        if message.msg_type == CLIENT_HELLO and sender is Side.CLIENT:
            self._client = decode(ClientHello, message.body)
        elif message.msg_type == SERVER_HELLO and sender is Side.SERVER and self._client:
            return self._on_server_hello(decode(structure(message), message.body), before)
        elif message.msg_type == FINISHED and self._suite and self._handshake_secret:
            if sender is Side.SERVER:
                master = key_schedule13.master_secret(self._suite.hash, self._handshake_secret)
                self._application = self._derived(master, APPLICATION_LABELS)
            if self._application:
                self._use(sender, self._application)
        return ()

    def _on_server_hello(self, hello: object, before: bytes) -> tuple[str, ...]:
        assert isinstance(hello, ServerHello)
        self._suite = self.parts.suites.get(hello.cipher_suite)
        if self._suite is None or self._client is None:
            return ()
        if isinstance(hello, HelloRetryRequest):  # §4.4.1
            self._transcript = key_schedule13.message_hash(self._suite.hash, before) + self._transcript[len(before) :]
            return ()
        server = decode(KeyShareServerHello, hello.extension(KEY_SHARE) or b"").server_share
        offered = decode(KeyShareClientHello, self._client.extension(KEY_SHARE) or b"").client_shares
        shares = {each.group: each.key_exchange for each in offered}
        if server.group not in shares or server.group not in self.parts.groups:
            return ()
        group = self.parts.groups[server.group]
        try:
            found = self.find(group, shares[server.group], server.key_exchange)
        except (ValueError, ProtocolError):  # a key share that is not one
            return ()
        if found is None:
            return (f"{group.name}: {self.hopeless}",)
        hash_name = self._suite.hash
        early = key_schedule13.early_secret(hash_name)
        self._handshake_secret = key_schedule13.handshake_secret(hash_name, early, found.shared)
        secrets = self._derived(self._handshake_secret, HANDSHAKE_LABELS)
        for side in Side:
            self._use(side, secrets)
        return (*found.how, "all keys are derived from it: every record from here on can be decrypted")

    def _derived(self, secret: bytes, labels: Mapping[Side, Label]) -> dict[Side, bytes]:
        assert self._suite
        transcript_hash = self.parts.transcript_hash(self._suite.hash, self._transcript)
        return {
            side: key_schedule13.derive_secret(self._suite.hash, secret, label, transcript_hash)
            for side, label in labels.items()
        }

    def _use(self, sender: Side, secrets: Mapping[Side, bytes]) -> None:
        """Open the records of that side with its new keys from now on."""
        assert self._suite
        traffic = {
            side: key_schedule13.traffic_keys(self._suite.hash, secret, self._suite.key_length)
            for side, secret in secrets.items()
        }
        rules = self.parts.rules
        self._directions[sender] = Direction(self._suite.cipher, rules.keys(traffic, sender), rules.number)

    def _opened(self, direction: Direction, raw: bytes) -> tuple[int, bytes]:
        """Content type and content of a protected record; ProtocolError if it does not open."""
        header, sealed = raw[: records.HEADER], raw[records.HEADER :]
        without_padding = direction.open(sealed, header).rstrip(b"\0")
        return (without_padding or b"\0")[-1], self.parts.rules.unpack(without_padding[:-1])


def stolen(key: PrivateKey) -> Find:
    """Finds the shared secret if the server's key share belongs to this key: a server without forward secrecy."""

    def find(group: NamedGroup, client_share: bytes, server_share: bytes) -> Cracked | None:
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size == 256 and group.name == P256_NAME:
            secret = key.private_numbers().private_value
            if group.public(secret) == server_share:
                how = "the server's key share belongs to the stolen key: its private key is the server's secret"
                return Cracked(group.shared(secret, client_share), (how,))
        return computed(group, client_share, server_share)

    return find


P256_NAME = GROUPS[SECP256R1].name


def computed(group: NamedGroup, client_share: bytes, server_share: bytes) -> Cracked | None:
    """The shared secret, computed from both key shares: of a multiplication alone."""
    return crack(group.group.name, group.decode(client_share), group.decode(server_share))


# Later --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """Decrypts a recording of a protocol that is built of these parts. The methods are `Hooks`."""

    parts: Parts

    def reckon(self, tape: Sequence[Flight]) -> Deciphered:
        """Compute the shared secret from the key shares."""
        return self._open(tape, computed)

    def decipher(self, tape: Sequence[Flight], key: PrivateKey) -> bytes:
        """Decrypt with the private key of the server's certificate: it helps if that was the server's secret."""
        return self._open(tape, stolen(key)).words

    def solve(self, tape: Sequence[Flight], draws: Collection[bytes]) -> bytes:
        """Decrypt with the discrete logarithms of the key shares. It is a simulation: they are taken from `draws`.

        In a hybrid key share only the point has a discrete logarithm. The ML-KEM secret is not one, and is not used.
        """

        def find(group: NamedGroup, client_share: bytes, server_share: bytes) -> Cracked | None:
            for drawn in draws:
                logarithm = group.group.draw(lambda length, drawn=drawn: drawn) % 2**256  # type: ignore[misc]  # bound
                with suppress(ValueError, OverflowError):
                    if group.public(logarithm) == client_share:
                        return Cracked(group.shared(logarithm, server_share), ("the logarithm is given",))
            return computed(group, client_share, server_share)

        return self._open(tape, find).words

    def _open(self, tape: Sequence[Flight], find: Find) -> Deciphered:
        listener = RecordEavesdropper(self.parts, find)
        heard = [each for flight in tape for each in listener.hear(flight)]
        return Deciphered(b"".join(each.read for each in heard), tuple(note for each in heard for note in each.notes))


# Without knowing which protections are missing ----------------------------------------------------------------------


@dataclass
class AnyEavesdropper:
    """Listens to a conversation whose protections are not known: the bytes of the hellos do not name all of them.

    It follows the conversation once for each of several sets of parts. For each record, it returns the result of the
    set that reads most.
    """

    listeners: Sequence[RecordEavesdropper]

    def hear(self, flight: Flight) -> list[Heard]:
        """The records that this flight completes."""
        every = [listener.hear(flight) for listener in self.listeners]
        return [max(heard, key=lambda each: (bool(each.read), len(each.notes))) for heard in zip(*every, strict=True)]
