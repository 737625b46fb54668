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
    "msg_type": HANDSHAKE_TYPES,
    "legacy_version": registry.VERSIONS,
    "legacy_record_version": registry.VERSIONS,
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
"""The registry of a field's numbers, by the name of the field: the name alone is shown."""

SMALL_NUMBERS: Mapping[str, Mapping[int, str]] = {
    "level": registry.ALERT_LEVELS,
    "legacy_compression_method": registry.COMPRESSION_METHODS,
    "legacy_compression_methods": registry.COMPRESSION_METHODS,
    "name_type": registry.NAME_TYPES,
    "status_type": registry.CERTIFICATE_STATUS_TYPES,
    "ec_point_format_list": registry.EC_POINT_FORMATS,
    "ke_modes": registry.PSK_KEY_EXCHANGE_MODES,
    "max_fragment_length": registry.MAX_FRAGMENT_LENGTHS,
    "algorithms": registry.CERTIFICATE_COMPRESSION_ALGORITHMS,
    "certificate_type": registry.CERTIFICATE_TYPES,
    "curve_type": registry.CURVE_TYPES,
    "request_update": registry.KEY_UPDATE_REQUESTS,
    "kdf_id": registry.HPKE_KDFS,
    "aead_id": registry.HPKE_AEADS,
    "CertificateTypes.certificate_types": registry.CERTIFICATE_TYPES,
    "CertificateRequestTls12.certificate_types": registry.CLIENT_CERTIFICATE_TYPES,
    "ChangeCipherSpec.type": registry.CHANGE_CIPHER_SPEC_TYPES,
    "EncryptedClientHello.type": registry.ECH_CLIENT_HELLO_TYPES,
}
"""The same for small registries, also for lists of one byte each: name and number are shown.

With the name of the structure where two structures have a field of that name.
"""

TEXT = frozenset({"name", "protocol_name"})
"""Fields whose bytes are text."""

LONGEST = 400  # characters of a value


def shown(field: Field, name: str = "", structure: str = "") -> str:
    """The value of a leaf in words; `name` if the registry is that of another field, such as the list that it is in.

    `structure` is the name of the structure around it.
    """
    value, name = field.value, (name or field.name).partition("[")[0]
    small = SMALL_NUMBERS.get(f"{structure}.{name}", SMALL_NUMBERS.get(name))
    if value is None:
        return "absent"
    if isinstance(value, int) and not isinstance(value, bool):
        return _numbered(small, value) if small else _number(name, value)
    if isinstance(value, bytes):
        if small and value:
            return listed([_numbered(small, each) for each in value[:LONGEST]])
        return text(value) if name in TEXT else of_bytes(value)
    return cut(printable(str(value)))


def _number(name: str, value: int) -> str:
    """A number by its registry, if there is one. In the list of suites, some numbers are not suites."""
    if name not in NUMBERS:
        return str(value)
    found = registry.name(NUMBERS[name], value)
    if name != "cipher_suites":
        return found
    is_reserved = value not in registry.CIPHER_SUITES and registry.is_grease(value)
    return f"{found} (signal)" if value in registry.SIGNALS else f"{found} (not a suite)" if is_reserved else found


def _numbered(table: Mapping[int, str], value: int) -> str:
    """`fatal (2)`; the number alone if it has no name."""
    found = registry.name(table, value)
    return f"{found} ({value})" if value in table else found


def of_bytes(value: bytes) -> str:
    """`32 bytes`, `1 byte`, `empty`; zeros are called so."""
    if not value:
        return "empty"
    count = amount(len(value))
    return f"{count}, all zero" if len(value) > 1 and not any(value) else count


def amount(count: int, unit: str = "byte") -> str:
    """`1 byte`, `1,079 bytes`."""
    return f"{count:,} {unit}{'s' * (count != 1)}"


def text(value: bytes) -> str:
    """Text in quotes, escaped. Of long text, only the beginning is looked at."""
    begun = value[:LONGEST]
    # A character that the cut splits is left out.
    shown = getincrementaldecoder("utf-8")("backslashreplace").decode(begun, final=len(begun) == len(value))
    escaped = printable(shown)
    if len(begun) == len(value):
        return cut(f'"{escaped}"')
    return f'"{escaped[:LONGEST]}"... ({amount(len(value) - len(begun), "more byte")})'


def listed(values: list[str]) -> str:
    """The values of a list."""
    return cut(", ".join(values) or "empty")


def cut(value: str, longest: int = LONGEST) -> str:
    """The first characters, and the number of those left out."""
    return (
        value if len(value) <= longest else f"{value[:longest]}... ({amount(len(value) - longest, 'more character')})"
    )
