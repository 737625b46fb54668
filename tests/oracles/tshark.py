"""What we read from a capture against what tshark reads: `python tests/oracles/tshark.py CAPTURE [KEYLOG]`.

Compared are, for each connection: the records in the order of the wire, with sender, types, version and length; the
handshake messages that end in each record, field by field, down to the content of extensions: what the field is, its
place in the message and its bytes; alerts; and the application data of both directions. Prints each difference with its
place, then a count. Exit code: 0 without a difference, 1 with one, 2 for wrong usage, 3 if a file cannot be read or
tshark fails.
"""

import io
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

sys.path.insert(0, str(Path(__file__).parents[2]))

from tlsdemo.wire import captures, key_log
from tlsdemo.wire.captures import CaptureError, Connection, Place
from tlsdemo.wire.dissection import TLS13, DissectedMessage, DissectedRecord, dissect
from tlsdemo.wire.fields import Field
from tlsdemo.wire.handshake import HEADER
from tlsdemo.wire.key_log import KeyLog
from tlsdemo.wire.records import APPLICATION_DATA, Alert, Sender

SENDERS: tuple[Sender, Sender] = ("client", "server")


@dataclass(frozen=True)
class Leaf:
    """A field without parts: what it is, in tshark's words; where it begins in its message; its bytes in hex."""

    name: str
    start: int
    length: int
    value: str
    """Empty in fields whose bytes tshark does not print."""

    def __str__(self) -> str:
        shown = f"{self.value[:64]}{'...' if len(self.value) > 64 else ''}"
        return f"{self.name} ({self.length} bytes at {self.start}) {shown}".rstrip()


Leaves = tuple[Leaf, ...]


@dataclass(frozen=True)
class Seen:
    """A record as one of the two programs reads it."""

    sender: Sender
    header: str
    """Type, version and length on the wire, in hex."""
    content_type: int | None
    """Of the content; None if TLS 1.3 encrypts it and it was not decrypted. TLS 1.2 has it in the clear."""
    messages: tuple[Leaves, ...]
    """The handshake messages that end in it."""
    alert: str
    """Level and description, in hex; empty for other content."""
    not_implemented: bool = False
    """Whether we say that the decryption of the suite is not implemented."""


@dataclass
class Conversation:
    """A connection as one of the two programs reads it."""

    records: list[Seen] = field(default_factory=list)
    cipher_suite: int | None = None
    """As we read it."""
    data: dict[Sender, bytes] = field(default_factory=lambda: dict.fromkeys(SENDERS, b""))


@dataclass
class Result:
    """What the comparison found."""

    differences: list[str] = field(default_factory=list)
    connections: int = 0
    records: int = 0
    fields: int = 0
    """How many fields of messages are equal."""
    data: int = 0
    """How many bytes of application data are equal."""
    unshown: int = 0
    """Messages whose content tshark does not show (UNSHOWN)."""
    not_decrypted: int = 0
    """Records of a suite whose decryption we do not implement, and say so: what is in them is not compared."""

    def __str__(self) -> str:
        left_out = {
            "not decrypted by us": f"{self.not_decrypted} records",
            "not shown by tshark": f"{self.unshown} messages",
        }
        return (
            f"differences {len(self.differences)}  in {self.connections} connections, {self.records} records, "
            f"{self.fields} fields, {self.data} bytes of application data"
            + "".join(f"; {what}: {count}" for what, count in left_out.items() if not count.startswith("0 "))
        )


# What we read -------------------------------------------------------------------------------------------------------

LENGTH = "length"
"""The name of every length here: tshark has one of its own for each, and its place and bytes say enough."""

NAMES: Mapping[str, str] = {
    "msg_type": "type",
    # Hellos
    "ClientHello.legacy_version": "version",
    "ClientHello.random": "random",
    "ClientHello.legacy_session_id": "session_id",
    "ClientHello.cipher_suites[]": "ciphersuite",
    "ClientHello.legacy_compression_methods": "comp_method",
    "ServerHello.legacy_version": "version",
    "ServerHello.random": "random",
    "ServerHello.legacy_session_id_echo": "session_id",
    "ServerHello.cipher_suite": "ciphersuite",
    "ServerHello.legacy_compression_method": "comp_method",
    # Extensions
    "Extension.extension_type": "extension.type",
    "Extension.extension_data": "extension.data",
    "ServerName.name_type": "extensions_server_name_type",
    "ServerName.name": "extensions_server_name",
    "ProtocolName.name": "extensions_alpn_str",
    "SupportedVersions.versions[]": "extensions.supported_version",
    "SelectedVersion.selected_version": "extensions.supported_version",
    "NamedGroupList.named_group_list[]": "extensions_supported_group",
    "EcPointFormats.ec_point_format_list": "extensions_ec_point_format",
    "KeyShareEntry.group": "extensions_key_share_group",
    "KeyShareEntry.key_exchange": "extensions_key_share_key_exchange",
    "KeyShareHelloRetryRequest.selected_group": "extensions_key_share_selected_group",
    "Cookie.cookie": "extensions.cookie",
    "SignatureSchemeList.supported_signature_algorithms[]": "sig_hash_alg",
    "CertificateStatusRequest.status_type": "extensions_status_request_type",
    "CertificateTypes.certificate_types": "cert_type.type",
    "CompressCertificate.algorithms[]": "compress_certificate.algorithm",
    "PskKeyExchangeModes.ke_modes": "psk_ke_mode",
    "PskIdentity.identity": "extensions.psk.identity.identity",
    "PskIdentity.obfuscated_ticket_age": "extensions.psk.identity.obfuscated_ticket_age",
    "SelectedIdentity.selected_identity": "extensions.psk.identity.selected",
    "TicketEarlyDataIndication.max_early_data_size": "early_data.max_early_data_size",
    "SessionTicketTls12.ticket": "extension.data",
    "MaxFragmentLength.max_fragment_length": "max_fragment_length",
    "RecordSizeLimit.record_size_limit": "record_size_limit",
    "Padding.zeros": "extensions_padding_data",
    "RenegotiationInfo.renegotiated_connection": "extensions_reneg_info",
    # Authentication
    "CertificateEntry.cert_data": "certificate",
    "CertificateTls12.certificate_list[]": "certificate",
    "CertificateRequestTls12.certificate_types": "cert_type",
    "CertificateRequestTls12.supported_signature_algorithms[]": "sig_hash_alg",
    "CertificateRequestTls12.certificate_authorities[]": "dname",
    "CertificateAuthorities.authorities[]": "dname",
    "CertificateStatus.status_type": "extensions_status_request_type",
    "CertificateVerify.algorithm": "sig_hash_alg",
    "CertificateVerify.signature": "client_cert_vrfy.sig",
    "Finished.verify_data": "verify_data",
    "FinishedTls12.verify_data": "verify_data",
    # Key exchange of TLS 1.2
    "ServerKeyExchangeEcdhe.curve_type": "server_curve_type",
    "ServerKeyExchangeEcdhe.named_curve": "server_named_curve",
    "ServerKeyExchangeEcdhe.public": "server_point",
    "ServerKeyExchangeEcdhe.algorithm": "sig_hash_alg",
    "ServerKeyExchangeEcdhe.signature": "sig",
    "ServerKeyExchangeDhe.dh_p": "p",
    "ServerKeyExchangeDhe.dh_g": "g",
    "ServerKeyExchangeDhe.dh_ys": "ys",
    "ServerKeyExchangeDhe.algorithm": "sig_hash_alg",
    "ServerKeyExchangeDhe.signature": "sig",
    "ClientKeyExchangeEcdhe.ecdh_yc": "client_point",
    "ClientKeyExchangeDhe.dh_yc": "yc",
    "ClientKeyExchangeRsa.encrypted_pre_master_secret": "epms",
    # After the handshake
    "NewSessionTicket.ticket_lifetime": "session_ticket_lifetime_hint",
    "NewSessionTicket.ticket_age_add": "session_ticket_age_add",
    "NewSessionTicket.ticket_nonce": "session_ticket_nonce",
    "NewSessionTicket.ticket": "session_ticket",
    "NewSessionTicketTls12.ticket_lifetime_hint": "session_ticket_lifetime_hint",
    "NewSessionTicketTls12.ticket": "session_ticket",
    "KeyUpdate.request_update": "key_update.request_update",
}
"""Structure and field -> the name in tshark, without the prefix of PREFIXES. Elements of a list have []."""

SAME_AS = {
    "HelloRetryRequest": "ServerHello",
    "ServerKeyExchangeEcdhAnon": "ServerKeyExchangeEcdhe",
    "ServerKeyExchangeDhAnon": "ServerKeyExchangeDhe",
}
"""Structures with the same fields."""

BYTE_BY_BYTE = frozenset({"comp_method", "extensions_ec_point_format", "psk_ke_mode", "cert_type", "cert_type.type"})
"""Lists of single bytes: one field here, and one for each byte in tshark."""
WITHOUT_PARTS = frozenset({"extensions.psk.binders", "extension.data"})
"""Fields that tshark does not take apart, and we may: our parts of them are compared as one field."""
WITHOUT_BYTES = frozenset({"verify_data", "extensions.psk.binders", "dname"})
"""Fields whose bytes tshark does not print: place and length are compared."""


ANOTHER_PROTOCOL = frozenset({"CertificateStatus.response"})
"""Fields that tshark hands over to another dissector, OCSP."""


def ours(connection: Connection, keys: KeyLog | None) -> Conversation:
    """A connection as `tlsdemo.wire` reads it."""
    found = dissect([(each.sender, each.data) for each in connection.chunks], keys)
    ending: dict[int, list[Leaves]] = defaultdict(list)
    for message in found.messages:
        ending[message.records[-1]].append(tuple(_leaves(message)))
    read = Conversation(cipher_suite=found.cipher_suite)
    for number, record in enumerate(found.records):
        read.records.append(_seen(record, found.version, tuple(ending[number])))
        if record.content_type == APPLICATION_DATA:
            read.data[record.sender] += record.content or b""
    return read


def _seen(record: DissectedRecord, version: int | None, messages: tuple[Leaves, ...]) -> Seen:
    alert = f"{record.value.level:02x}{record.value.description:02x}" if isinstance(record.value, Alert) else ""
    not_implemented = "is not implemented" in (record.problem or "")
    content_type = record.content_type
    if content_type is None and version != TLS13:
        content_type = record.header.content_type
    return Seen(record.sender, record.raw[:5].hex(), content_type, messages, alert, not_implemented)


def _leaves(message: DissectedMessage) -> Iterator[Leaf]:
    """The fields of a message that are not empty."""
    for label, each in _labelled(message.tree(), ""):
        start, value = each.start, message.raw[each.start : each.end]
        name = LENGTH if label.endswith(LENGTH) else NAMES.get(label, label)
        if name == "dname":  # tshark's field begins after the header of the DER element
            header = 2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)
            start, value = start + header, value[header:]
        if name in BYTE_BY_BYTE:
            yield from (Leaf(name, start + at, 1, f"{byte:02x}") for at, byte in enumerate(value))
        elif value and label not in ANOTHER_PROTOCOL:
            yield Leaf(name, start, len(value), "" if name in WITHOUT_BYTES else value.hex())


def _labelled(parent: Field, structure: str) -> Iterator[tuple[str, Field]]:
    """The leaves, each with its structure and its field."""
    if is_dataclass(parent.value):
        structure = type(parent.value).__name__
        structure = SAME_AS.get(structure, structure)
    for child in parent.children:
        field_name = parent.name if child.name == "content" else child.name
        label = f"{structure}." + re.sub(r"\[\d+\]", "[]", field_name)
        if child.children:
            yield from _labelled(child, structure)
        else:
            yield (child.name if child.start < HEADER else label), child


# What tshark reads --------------------------------------------------------------------------------------------------

PREFIXES = ("tls.handshake.", "tls.extension.", "tls.")


class OracleError(Exception):
    """tshark is missing or failed, or a file cannot be read."""


def theirs(capture: bytes, log: str, connections: Sequence[Connection]) -> list[Conversation]:
    """The same connections as tshark reads them."""
    ports = sorted({each.server.port for each in connections})
    # As `data`, the application data stays as it is; else tshark takes it for HTTP, also by its first bytes or ALPN.
    decode_as = ["--disable-protocol", "http", "--disable-protocol", "http2"]
    decode_as += [word for port in ports for word in ("-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},data")]
    with TemporaryDirectory() as folder:
        file, keys = Path(folder) / "capture", Path(folder) / "keys"
        file.write_bytes(capture)
        keys.write_text(log)
        options = ("-o", f"tls.keylog_file:{keys}", "-o", "tcp.reassemble_out_of_order:TRUE", *decode_as)
        output = _run("-r", str(file), *options, "-Y", "tcp.len > 0", "-J", "ip ipv6 tcp tls data", "-T", "pdml")
    streams: dict[int, list[_Packet]] = defaultdict(list)
    for _, element in ElementTree.iterparse(io.BytesIO(output)):
        if element.tag == "packet":
            streams[int(_shown(element, "tcp.stream") or 0)].append(_packet(element))
            element.clear()
    waiting = list(streams.values())
    return [_conversation(each, waiting) for each in connections]


def _run(*arguments: str) -> bytes:
    program = shutil.which("tshark")
    if program is None:
        raise OracleError("tshark is not installed")
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise OracleError(f"tshark ends with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


@dataclass(frozen=True)
class _Packet:
    source: str
    target: str
    records: list[Element]
    data: list[bytes]
    """The decrypted application data."""


def _packet(element: Element) -> _Packet:
    source, target = (
        str(
            Place(_shown(element, f"ip.{end}") or _shown(element, f"ipv6.{end}") or "", int(_shown(element, port) or 0))
        )
        for end, port in (("src", "tcp.srcport"), ("dst", "tcp.dstport"))
    )
    records = list(element.iterfind(".//field[@name='tls.record']"))
    # Without a record, it is data of a connection that is not TLS.
    data = [bytes.fromhex(each.get("value", "")) for each in element.iterfind(".//field[@name='data.data']") if records]
    return _Packet(source, target, records, data)


def _shown(element: Element, name: str) -> str | None:
    """The value of the first field of that name, as tshark prints it."""
    found = element.find(f".//field[@name='{name}']")
    return None if found is None else found.get("show")


def _conversation(connection: Connection, waiting: list[list[_Packet]]) -> Conversation:
    """The stream between both places of a connection; it waits no longer. Empty if tshark does not have it."""
    senders: dict[str, Sender] = {str(connection.client): "client", str(connection.server): "server"}
    read = Conversation()
    stream = next((each for each in waiting if {each[0].source, each[0].target} == set(senders)), [])
    if stream:
        waiting.remove(stream)
    for packet in stream:
        read.records += (_record(each, senders[packet.source]) for each in packet.records)
        read.data[senders[packet.source]] += b"".join(packet.data)
    return read


def _record(element: Element, sender: Sender) -> Seen:
    parts = {each.get("name"): each for each in element}
    kind, content = parts.get("tls.record.opaque_type"), parts.get("tls.record.content_type")
    on_wire = [kind if kind is not None else content, parts["tls.record.version"], parts["tls.record.length"]]
    header = "".join(each.get("value", "") for each in on_wire if each is not None)
    messages = tuple(
        tuple(_of_message(each, int(begin.get("pos", ""))))
        for each in element.iterfind("field[@name='tls.handshake']")
        if (begin := each.find("field[@name='tls.handshake.type']")) is not None  # else a fragment, or encrypted
    )
    # tshark 4.0 has the field of KeyUpdate beside the message.
    if (update := element.find("field[@name='tls.handshake.key_update.request_update']")) is not None:
        messages = (
            *messages[:-1],
            (*messages[-1], Leaf("key_update.request_update", HEADER, 1, update.get("value", ""))),
        )
    alert = [
        each for name in ("level", "desc") for each in element.iterfind(f".//field[@name='tls.alert_message.{name}']")
    ]
    said = "".join(each.get("value", "") for each in alert)
    return Seen(sender, header, int(content.get("show", "")) if content is not None else None, messages, said)


def _of_message(element: Element, begin: int) -> Iterator[Leaf]:
    """The fields of a message that are not empty; the message is at `begin`."""
    for each in _without_parts(element):
        name = each.get("name", "")
        prefix = next(each for each in PREFIXES if name.startswith(each))
        name = LENGTH if re.search(r"[._](len|length|count)$", name) else name.removeprefix(prefix)
        name = name.replace("alps_alpn", "alpn")  # application_settings has its own name for the same structure
        length, value = int(each.get("size", "0")), each.get("value", "")
        if length:
            yield Leaf(name, int(each.get("pos", "")) - begin, length, "" if name in WITHOUT_BYTES else value)


def _without_parts(element: Element) -> Iterator[Element]:
    """The fields of TLS that have no parts, or whose parts are not compared."""
    for each in element:
        name = each.get("name", "")
        if name.startswith("tls.") and (name in WITH_OTHER_PARTS or not len(each)):
            yield each
        else:
            yield from _without_parts(each)


WITH_OTHER_PARTS = frozenset({
    "tls.handshake.random", "tls.handshake.sig_hash_alg", "tls.handshake.certificate", "tls.handshake.dname",
})  # fmt: skip
"""Fields that tshark takes apart and we do not: time and bytes, hash and signature, and DER."""


UNSHOWN = range(0xC050, 0xC062)
"""The ARIA suites of TLS 1.2 (RFC 6209), whose key exchange tshark 4.0 does not know."""
UNSHOWN_TYPES = ("0c", "10")
"""So it shows nothing of ServerKeyExchange and ClientKeyExchange."""


# The comparison -----------------------------------------------------------------------------------------------------


def compare(capture: bytes, log: str = "") -> Result:
    """Compare both readings of a capture, with this key log and the one inside. OracleError if one of them fails."""
    try:
        found = captures.read(capture)
    except CaptureError as error:
        raise OracleError(f"the capture cannot be read: {error}") from None
    log += found.key_log
    keys = key_log.parse(log) if log else None
    result = Result(connections=len(found.connections))
    for number, (connection, their) in enumerate(
        zip(found.connections, theirs(capture, log, found.connections), strict=True), start=1
    ):
        _compare(f"connection {number}", ours(connection, keys), their, result)
    return result


def _compare(place: str, our: Conversation, their: Conversation, result: Result) -> None:
    skipped = False
    for number, (mine, other) in enumerate(zip_longest(our.records, their.records), start=1):
        at = f"{place}, record {number}"
        if mine is None or other is None:
            result.differences.append(f"{at}: {'not read by us' if mine is None else 'not read by tshark'}")
            continue
        result.records += 1
        at = f"{at} of the {mine.sender}"
        _same(at, "sender", mine.sender, other.sender, result)
        _same(at, "header", mine.header, other.header, result)
        if mine.not_implemented:
            result.not_decrypted += 1
            skipped = True
            continue
        _same(at, "content type", mine.content_type, other.content_type, result)
        _same(at, "alert", mine.alert, other.alert, result)
        _same(at, "number of messages", len(mine.messages), len(other.messages), result)
        for of_ours, of_theirs in zip(mine.messages, other.messages, strict=False):
            if our.cipher_suite in UNSHOWN and of_ours[0].value in UNSHOWN_TYPES and of_theirs == of_ours[:2]:
                result.unshown += 1
            else:
                _compare_message(at, of_ours, of_theirs, result)
    for sender in SENDERS if not skipped else ():
        _same(place, f"application data of the {sender}", our.data[sender].hex(), their.data[sender].hex(), result)
        result.data += len(our.data[sender])


def _compare_message(place: str, our: Leaves, their: Leaves, result: Result) -> None:
    place = f"{place}, message of type {our[0].value if our else '?'}"
    if len(their) == 2:  # type and length
        our = tuple(each for each in our if each.name != "Handshake.body")  # neither knows the structure
    our = _joined(our, their)
    for name, only in (("us", set(our) - set(their)), ("tshark", set(their) - set(our))):
        result.differences += (f"{place}: only {name}: {each}" for each in sorted(only, key=lambda leaf: leaf.start))
    result.fields += len(set(our) & set(their))


def _joined(our: Leaves, their: Leaves) -> Leaves:
    """Our fields; those within a field that tshark does not take apart are one, with its name."""
    for whole in their:
        if whole.name in WITHOUT_PARTS:
            inside = [each for each in our if whole.start <= each.start < whole.start + whole.length]
            one = Leaf(
                whole.name, whole.start, sum(each.length for each in inside), "".join(each.value for each in inside)
            )
            if whole.name in WITHOUT_BYTES:
                one = replace(one, value="")
            our = (*(each for each in our if each not in inside), one)
    return our


def _same(place: str, what: str, our: object, their: object, result: Result) -> None:
    if our != their:
        result.differences.append(f"{place}: {what}: {_short(our)}, tshark {_short(their)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}... ({len(text)} characters)"


def main(arguments: list[str]) -> int:
    """Compare one capture."""
    if len(arguments) not in (1, 2) or any(each.startswith("-") for each in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        result = compare(Path(arguments[0]).read_bytes(), Path(arguments[1]).read_text() if arguments[1:] else "")
    except (OracleError, OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    for each in result.differences:
        print(each)
    print(result)
    return 1 if result.differences else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
