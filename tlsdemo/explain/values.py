"""The values of fields in words: numbers by their registries, bytes as text or hex.

cipher_suite 1301 -> TLS_AES_128_GCM_SHA256      random 7f3c... -> 32 bytes      name 6c6f... -> "localhost"
"""

from codecs import getincrementaldecoder
from collections.abc import Mapping

from pki.errors import printable
from tlsdemo.wire import registry
from tlsdemo.wire.fields import Field
from tlsdemo.wire.handshake import HANDSHAKE_TYPES
from tlsdemo.wire.records import CONTENT_TYPES

NUMBERS: Mapping[str, Mapping[int, str]] = {
    "content_type": CONTENT_TYPES,
    "type": CONTENT_TYPES,
    "msg_type": HANDSHAKE_TYPES,
    "legacy_version": registry.VERSIONS,
    "selected_version": registry.VERSIONS,
    "versions": registry.VERSIONS,
    "cipher_suite": registry.CIPHER_SUITES,
    "cipher_suites": registry.CIPHER_SUITES,
    "extension_type": registry.EXTENSION_TYPES,
    "named_group_list": registry.NAMED_GROUPS,
    "group": registry.NAMED_GROUPS,
    "selected_group": registry.NAMED_GROUPS,
    "named_curve": registry.NAMED_GROUPS,
    "supported_signature_algorithms": registry.SIGNATURE_SCHEMES,
    "algorithm": registry.SIGNATURE_SCHEMES,
    "description": registry.ALERTS,
}
"""The registry of a field's numbers, by the name of the field."""

TEXT = frozenset({"name", "protocol_name"})
"""Fields whose bytes are text."""

LONGEST = 400  # characters of a value


def shown(field: Field, name: str = "") -> str:
    """The value of a leaf in words; `name` if the registry is that of another field, such as the list that it is in."""
    value, name = field.value, (name or field.name).partition("[")[0]
    if value is None:
        return "absent"
    if isinstance(value, int) and not isinstance(value, bool):
        return registry.name(NUMBERS[name], value) if name in NUMBERS else str(value)
    if isinstance(value, bytes):
        return text(value) if name in TEXT else of_bytes(value)
    return cut(printable(str(value)))


def of_bytes(value: bytes) -> str:
    """`32 bytes`, `1 byte`, `empty`; zeros are called so."""
    if not value:
        return "empty"
    count = amount(len(value))
    return f"{count}, all zero" if len(value) > 1 and not any(value) else count


def amount(count: int, unit: str = "byte") -> str:
    """`1 byte`, `32 bytes`."""
    return f"{count} {unit}{'s' * (count != 1)}"


def text(value: bytes) -> str:
    """Text in quotes, escaped. Of long text, only the beginning is looked at."""
    begun = value[:LONGEST]
    # A character that the cut splits is left out.
    shown = getincrementaldecoder("utf-8")("backslashreplace").decode(begun, final=len(begun) == len(value))
    escaped = printable(shown)
    if len(begun) == len(value):
        return cut(f'"{escaped}"')
    return f'"{escaped[:LONGEST]}"... ({len(value) - len(begun)} more bytes)'


def listed(values: list[str]) -> str:
    """The values of a list."""
    return cut(", ".join(values) or "empty")


def cut(value: str, longest: int = LONGEST) -> str:
    """The first characters, and the number of those left out."""
    return value if len(value) <= longest else f"{value[:longest]}... ({len(value) - longest} more characters)"
