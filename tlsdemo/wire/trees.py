"""Trees of spans for whole records and messages: every byte with its name and its reason.

    the record on the wire        content_type  legacy_record_version  length  encrypted_record ( ... tag)
    its plaintext, if encrypted   content  type  zeros
    a message                     msg_type  length  body ( ... extension_data ( ... ))

Each of the three is a byte space of its own, and its leaves tile it. A message can span records, and a record can have
several messages. Trees are made on request only: they cost far more than decoding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.extensions import EXTENSIONS
from tlsdemo.wire.fields import Field, WireError, walk
from tlsdemo.wire.handshake import Extension, Handshake
from tlsdemo.wire.messages13 import CertificateRequest, NewSessionTicket
from tlsdemo.wire.records import HEADER, Record

TAG_LENGTH = 16  # bytes, of all AEADs but CCM_8
TAG = "Authenticates the ciphertext and the header: a change is detected (§5.2, RFC 5116 §5.1)."
NONCE = "This part of the nonce is sent; the other is secret (RFC 5288 §3)."
ENCRYPTED: Mapping[int, str] = {
    0x0303: "The content, encrypted (RFC 5246 §6.2.3.3).",
    0x0304: "The content, its type and padding, encrypted (§5.2).",
}
"""Version -> what is in the encrypted part of a fragment."""

CONTENT = "What the record carries (§5.2)."
TYPE = "The type of the content; on the wire it is encrypted (§5.2)."
ZEROS = "Padding: hides the length of the content (§5.4)."
UNKNOWN: Mapping[type, str] = {
    ClientHello: "The content of an extension that is not known here. A server ignores unknown extensions (§4.2).",
    CertificateRequest: "The content of an extension that is not known here. A client ignores those (§4.3.2).",
    NewSessionTicket: "The content of an extension that is not known here. A client ignores those (§4.6.1).",
}
"""The message that carries an extension which is not known in it -> the reason of its content."""
UNKNOWN_ANSWER = "The content of an extension that is not known here. It must answer one that the peer sent (§4.2)."
"""The reason in all other messages: what the peer did not offer, it refuses with unsupported_extension."""
INVALID = "The content; its bytes do not have the form that the type requires (§4.2)."
BODY = "The message; its structure is unknown here, or its bytes are invalid (§4)."


def of_record(
    raw: bytes, encrypted_in: int | None = None, *, explicit_nonce: int = 0, tag_length: int = TAG_LENGTH
) -> Field:
    """One whole record; `encrypted_in` is the version that encrypts it, 0x0303 or 0x0304, None for plaintext.

    An encrypted fragment begins with the explicit part of the nonce, and ends with a tag of these lengths.
    """
    root = walk(Record, raw)
    if encrypted_in is None:
        return root
    *header, fragment = root.children
    length, content = fragment.children
    parts = tuple(_parts(content, ENCRYPTED[encrypted_in], explicit_nonce, tag_length)) or (content,)
    return replace(root, children=(*header, replace(fragment, children=(length, *parts))))


def of_plaintext(content_type: int, content: bytes, record_length: int) -> Field:
    """The decrypted plaintext of a record of TLS 1.3 (§5.2); `record_length` counts the header and the tag."""
    end = len(content)
    padding = record_length - HEADER - TAG_LENGTH - end - 1
    children = (
        Field("content", 0, end, content, CONTENT),
        Field("type", end, end + 1, content_type, TYPE),
        Field("zeros", end + 1, end + 1 + padding, bytes(padding), ZEROS),
    )
    value = content + bytes([content_type]) + bytes(padding)
    return Field("TLSInnerPlaintext", 0, len(value), value, "The plaintext of a protected record (§5.2).", children)


def of_message(raw: bytes, structure: type | None) -> Field:
    """One whole handshake message with its header; the body is one leaf if it is not that structure."""
    root = walk(Handshake, raw)
    msg_type, body = root.children
    length, content = body.children
    inner = _tree_or_none(structure, raw, content)
    if inner is None:
        return replace(root, children=(msg_type, length, replace(content, name="body", reason=BODY)))
    inner = refined(inner, raw)
    return replace(inner, start=0, children=(msg_type, length, *inner.children))


def refined(field: Field, data: bytes, carrier: type | None = None) -> Field:
    """A tree of `data`, with a tree for the content of each known extension; `carrier` is the structure around them."""
    if isinstance(field.value, Extension):
        return _refined_extension(field, data, carrier)
    if not field.children:
        return field
    carrier = type(field.value) if type(field.value) in EXTENSIONS else carrier
    return replace(field, children=tuple(refined(child, data, carrier) for child in field.children))


def _refined_extension(field: Field, data: bytes, carrier: type | None) -> Field:
    extension_type, extension_data = field.children
    length, content = extension_data.children
    structure = EXTENSIONS.get(carrier or object, {}).get(extension_type.value)
    inner = _tree_or_none(structure, data, content)
    if inner is None:
        reason = INVALID if structure else UNKNOWN.get(carrier or object, UNKNOWN_ANSWER)
        inner = replace(content, reason=reason)
    return replace(field, children=(extension_type, replace(extension_data, children=(length, inner))))


def _tree_or_none(structure: type | None, data: bytes, content: Field) -> Field | None:
    """The tree of an opaque field of `data`; None if it is not that structure."""
    try:
        return None if structure is None else walk(structure, data, content.start, content.end)
    except WireError:
        return None


def _parts(field: Field, encrypted: str, explicit_nonce: int, tag_length: int) -> Iterator[Field]:
    """The parts of an encrypted fragment; none if it is too short for them."""
    begin, end = field.start + explicit_nonce, field.end - tag_length
    if begin > end:
        return
    parts = (
        ("nonce_explicit", field.start, begin, NONCE),
        ("encrypted", begin, end, encrypted),
        ("tag", end, field.end, TAG),
    )
    for name, start, stop, reason in parts:
        if stop > start or name == "encrypted":
            yield Field(name, start, stop, field.value[start - field.start : stop - field.start], reason)
