"""Private keys in every format, encrypted or not; and the contents of PKCS #12 (RFC 7292).

    Block + passphrase -> key         or one of: no passphrase given, wrong passphrase, damaged, not supported

The formats: PKCS #8 (RFC 5958), encrypted PKCS #8, the traditional PEM of OpenSSL with or without `Proc-Type:
4,ENCRYPTED` (RFC 1421 §4.6.1.1), PKCS #12. The iterations of a key derivation are read from the
DER and limited before a passphrase is tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs12

from pki.asn1 import ber, der
from pki.asn1.ber import Node, Tree
from pki.keys import PrivateKey
from pki.objects.blocks import Block, BlockKind
from pki.objects.public_keys import algorithm_name

MAX_ITERATIONS = 3_000_000
"""Iterations of all key derivations of a file together: a second or two. OWASP recommends 600,000 for one."""
MAX_SCRYPT = 1 << 21
"""N * r * p; OpenSSL's default is 2^17. Memory is 128 * N * r bytes, so at most 256 MiB."""
MAX_BITS = 16_384
"""Bits of a number in a private key: OpenSSL's limit for an RSA modulus."""
PASSPHRASE_HINT = "put the passphrase into a file and set PKI_PASSPHRASE_FILE to its path"


class Locked(ValueError):
    """A private key cannot be read; the message is the reason, the hint the remedy."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NoPassphrase(Locked):
    """The key is encrypted, and no passphrase was given."""


class WrongPassphrase(Locked):
    """The passphrase is wrong."""


class Damaged(Locked):
    """The bytes are not a valid key."""


class Unsupported(Locked):
    """The cipher or the key type is not supported, or the key derivation takes too much work."""


DAMAGED_HINT = "restore the key from a backup; `pki show --der` shows the bytes"


def private_key(block: Block, passphrase: bytes | None) -> PrivateKey:
    """The private key of a block, of a type that can sign for TLS. Raises one of Locked."""
    key = any_private_key(block, passphrase)
    if not isinstance(key, PrivateKey):
        kind = type(key).__name__.lstrip("_")
        raise Unsupported(f"pki cannot sign with a {kind}", "use an EC, Ed25519 or RSA key")
    return key


def any_private_key(block: Block, passphrase: bytes | None) -> Any:
    """The private key of a block, of any type that the library supports. Raises one of Locked."""
    if block.problem:
        raise Damaged(f"the key is damaged: {block.problem}", DAMAGED_HINT)
    if block.kind is BlockKind.PKCS12:
        found = open_pkcs12(block.der, passphrase)
        if found.key is None:
            raise Damaged("the PKCS #12 file contains no private key", "give a file with a private key")
        return found.key
    _limit(block.der)
    encrypted = block.kind is BlockKind.ENCRYPTED_KEY
    if encrypted and not passphrase:
        raise NoPassphrase("the key is encrypted, and no passphrase was given", PASSPHRASE_HINT)
    if encrypted and not block.pem:
        _check_encrypted(block.der)
    if not encrypted:
        _check_size(block.der)
    secret = passphrase if encrypted else None
    load = partial(load_pem_private_key, block.pem) if block.pem else partial(load_der_private_key, block.der)
    try:
        return load(secret)
    except (UnsupportedAlgorithm, TypeError) as error:
        cipher = _dek_info(block) or _algorithm(block.der)
        raise Unsupported(
            f"the key uses {cipher}, which is not supported" if cipher else "the type of the key is not supported",
            "convert it with `openssl pkey -in FILE -out NEW`",
        ) from error
    except Exception as error:
        raise _refusal(str(error), block, encrypted) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Damaged("the key is damaged", DAMAGED_HINT) from None


def _refusal(said: str, block: Block, encrypted: bool) -> Locked:
    """The error for the library's message, which alone distinguishes a wrong passphrase from a damaged key."""
    if encrypted and "assword" in said:
        return WrongPassphrase(
            "wrong passphrase for the key",
            "the first line of the file in PKI_PASSPHRASE_FILE must be the passphrase",
        )
    if "Unknown key encryption" in said or "unknown cipher" in said:
        cipher = _dek_info(block) or _algorithm(block.der)
        return Unsupported(
            f"the key is encrypted with {cipher or 'a cipher'}, which is not supported",
            "encrypt it again with `openssl pkey -in FILE -aes256 -out NEW`",
        )
    faults = [] if block.pem else ber.parse(block.der).faults
    place = f": {faults[0]}" if faults else ""
    if encrypted and not faults:
        place = ": the decrypted content is not a key"
    return Damaged(f"the key is damaged{place}", DAMAGED_HINT)


def _dek_info(block: Block) -> str:
    for line in block.pem.splitlines():
        if line.startswith(b"DEK-Info:"):
            return line[9:].strip().split(b",")[0].decode("ascii", "replace")[:40]
    return ""


def _algorithm(encoded: bytes) -> str:
    """`the algorithm NAME` of a PKCS #8 key, encrypted or not; for PBES2 the cipher. Empty if unknown."""
    tree = ber.parse(encoded, 200)
    for node in _walk(tree.roots):
        first = node.children[0] if node.children else None
        if first is not None and first.tag == der.OBJECT_IDENTIFIER:
            oid = ber.oid(tree.data[first.content])
            if oid == PBES2 and len(node.children) > 1 and len(node.children[1].children) > 1:
                cipher = node.children[1].children[1]
                oid = ber.oid(tree.data[cipher.children[0].content]) if cipher.children else oid
            return f"the algorithm {algorithm_name(oid)}" if oid else ""
    return ""


def _check_encrypted(encoded: bytes) -> None:
    """Raises Damaged unless it is an EncryptedPrivateKeyInfo (RFC 5958 §3)."""
    tree = ber.parse(encoded)
    root = tree.roots[0] if tree.roots else None
    shape = [each.tag for each in root.children] if root else []
    if tree.faults or len(tree.roots) != 1 or shape != [der.SEQUENCE, der.OCTET_STRING]:
        place = str(tree.faults[0]) if tree.faults else "it is not an EncryptedPrivateKeyInfo (RFC 5958 §3)"
        raise Damaged(f"the key is damaged: {place}", DAMAGED_HINT)
    size = len(tree.content(root.children[1])) if root else 0
    if not size or (size % 8 and _is_block_cipher(tree)):
        raise Damaged(
            f"the key is damaged: its ciphertext has {size} bytes, which are not whole cipher blocks", DAMAGED_HINT
        )


CBC = ("2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.42", "1.2.840.113549.3.7")


def _is_block_cipher(tree: Tree) -> bool:
    oids = {ber.oid(tree.data[node.content]) for node in _walk(tree.roots) if node.tag == der.OBJECT_IDENTIFIER}
    return bool(oids & set(CBC))


# PKCS #12 (RFC 7292) ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pkcs12:
    """The contents of a PKCS #12 file: a key, its certificate, and others."""

    key: Any
    certificates: tuple[x509.Certificate, ...]


def open_pkcs12(encoded: bytes, passphrase: bytes | None) -> Pkcs12:
    """The contents of a PKCS #12 file. Without a passphrase, none and an empty one are tried. Raises one of Locked."""
    tree = ber.parse(encoded)
    others = [fault for fault in tree.faults if fault.rule not in BER_ONLY]
    if others or len(tree.roots) != 1 or not tree.complete:
        place = f": {others[0]}" if others else ""
        raise Damaged(f"the PKCS #12 file is damaged{place}", DAMAGED_HINT)
    plain = ber.to_der(tree) if tree.faults else encoded
    _limit(plain)
    for attempt in (passphrase,) if passphrase else (None, b""):
        try:
            found = pkcs12.load_pkcs12(plain, attempt)
        except (UnsupportedAlgorithm, NotImplementedError):
            raise Unsupported("the PKCS #12 file uses an algorithm that is not supported", DAMAGED_HINT) from None
        except Exception:
            continue
        certificates = [each.certificate for each in (found.cert, *found.additional_certs) if each is not None]
        return Pkcs12(found.key, tuple(certificates))
    if not passphrase:
        raise NoPassphrase("the PKCS #12 file is encrypted, and no passphrase was given", PASSPHRASE_HINT)
    raise WrongPassphrase(
        "wrong passphrase for the PKCS #12 file, or the file was changed",
        "the first line of the file in PKI_PASSPHRASE_FILE must be the passphrase",
    )


BER_ONLY = ("X.690 §10.1", "X.690 §10.2", "X.690 §10.1: the fewest")
"""PKCS #12 may be in BER (RFC 7292 §4)."""


# Work ---------------------------------------------------------------------------------------------------------------

PBES2 = "1.2.840.113549.1.5.13"
PBKDF2, SCRYPT = "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
OLD = ("1.2.840.113549.1.12.1.", "1.2.840.113549.1.5.")
"""Password-based encryption with its own key derivation: salt and iterations (RFC 7292 appendix C, RFC 8018 §A.3)."""


def _limit(encoded: bytes) -> None:
    """Raises Unsupported if the key derivations take more work than a command should do."""
    total = 0
    for what, count in iterations(encoded):
        total += count
        if what == "scrypt" and count > MAX_SCRYPT:
            raise Unsupported(
                f"the key derivation needs scrypt with N*r*p = {_shown(count)}; the limit is {MAX_SCRYPT:,}",
                "encrypt it again with `openssl pkcs8 -topk8 -scrypt`",
            )
        if what != "scrypt" and total > MAX_ITERATIONS:
            raise Unsupported(
                f"the key derivation needs {_shown(total)} iterations; the limit is {MAX_ITERATIONS:,}",
                "encrypt it again with `openssl pkcs8 -topk8 -iter 600000` or `openssl pkcs12 -export -iter 600000`",
            )


def _shown(number: int) -> str:
    return f"{number:,}" if number < 1 << 64 else f"2^{number.bit_length() - 1} or more"


def iterations(encoded: bytes) -> Iterator[tuple[str, int]]:
    """Yield each key derivation that is visible in the DER of a key or PKCS #12: its kind and iterations."""
    tree = ber.parse(encoded)
    yield from _iterations(tree, tree.roots, 0)
    mac = tree.roots[0].children[2:3] if tree.roots else []
    for each in mac:
        if each.tag == der.SEQUENCE and each.children and each.children[-1].tag == der.INTEGER:
            yield "MAC", _positive(tree, each.children[-1])


def _iterations(tree: Tree, nodes: list[Node], level: int) -> Iterator[tuple[str, int]]:
    """Also inside OCTET STRINGs. Each byte is read at most once on each of LEVELS levels."""
    for scope, node in _deep(tree, nodes, level):
        first = node.children[0] if node.children else None
        if first is None or first.tag != der.OBJECT_IDENTIFIER or len(node.children) < 2:
            continue
        oid = ber.oid(scope.data[first.content]) or ""
        numbers = [_positive(scope, each) for each in node.children[1].children if each.tag == der.INTEGER]
        if oid == SCRYPT and len(numbers) >= 3:
            yield "scrypt", numbers[0] * numbers[1] * numbers[2]
        elif (oid == PBKDF2 or (oid.startswith(OLD) and oid != PBES2)) and numbers:
            yield "PBKDF2" if oid == PBKDF2 else "PBE", numbers[0]


LEVELS = 6  # PKCS #12 nests DER in OCTET STRINGs four levels deep


def _deep(tree: Tree, nodes: list[Node], level: int) -> Iterator[tuple[Tree, Node]]:
    """Yield every element with its tree, including those in OCTET STRINGs that contain DER."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if node.tag & 0xDF == der.OCTET_STRING:  # in one segment, or in several
            content = tree.content(node)
            if level < LEVELS and content[:1] == b"0":
                inner = ber.parse(content)
                yield from _deep(inner, inner.roots, level + 1)
            continue
        yield tree, node
        waiting.extend(reversed(node.children))


def _check_size(encoded: bytes) -> None:
    """Raises Unsupported for numbers so long that the library would test for minutes whether they are prime."""
    tree = ber.parse(encoded)
    numbers = (node for _, node in _deep(tree, tree.roots, LEVELS - 2) if node.tag == der.INTEGER)
    bits = max(((node.end - node.start - node.header) * 8 for node in numbers), default=0)
    if bits > MAX_BITS + 8:
        raise Unsupported(f"the key has numbers of {bits} bits; the limit is {MAX_BITS}", "use a shorter key")


def _positive(tree: Tree, node: Node) -> int:
    return max(ber.integer(tree.data[node.content]), 0)


def _walk(nodes: list[Node]) -> Iterator[Node]:
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))
