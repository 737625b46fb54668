"""The numbers with which a reader repeats one step of a conversation: a signature, a Finished, a record.

RSA: signature^e mod n        Finished: HMAC(finished key, transcript hash)        record: nonce, additional data, tag
"""

from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric import rsa

from tlsdemo import peer
from tlsdemo.explain.keys import Derivation
from tlsdemo.explain.proofs import certificate_of, transcript13
from tlsdemo.protocol import Side
from tlsdemo.tls13.signatures import signed_content
from tlsdemo.wire import key_schedule13 as key_schedule
from tlsdemo.wire import protection13
from tlsdemo.wire.dissection import HANDSHAKE_LABELS, TLS13, Dissection
from tlsdemo.wire.messages13 import CertificateVerify, Finished
from tlsdemo.wire.records import HEADER

Number = tuple[str, str]
"""A name and a value, in hex unless the name says otherwise."""


def numbers(found: Dissection, secrets: Mapping[str, bytes], record: int) -> Iterator[Number]:
    """The numbers of one record, by its position from 0, and of the messages that end in it."""
    yield from _of_record(found, secrets, record)
    for place, message in enumerate(found.messages):
        if message.records[-1] == record and found.version == TLS13:
            match message.value:
                case Finished() as finished:
                    yield from _of_finished(found, secrets, place, finished)
                case CertificateVerify() as verify:
                    yield from _of_signature(found, place, verify)


def _of_record(found: Dissection, secrets: Mapping[str, bytes], number: int) -> Iterator[Number]:
    record, suite = found.records[number], protection13.SUITES.get(found.cipher_suite or 0)
    derived = Derivation(found, secrets).of_record(record)
    if record.protection is None or suite is None or not derived:
        return
    secret, key, iv = (each.value for each in derived)
    sequence_number = record.protection.sequence_number
    yield f"{record.protection.label}", secret.hex()
    yield f'key = HKDF-Expand-Label(secret, "key", "", {suite.key_length})', key.hex()
    yield 'iv = HKDF-Expand-Label(secret, "iv", "", 12)', iv.hex()
    yield f"nonce = iv XOR {sequence_number}", protection13.nonce(iv, sequence_number).hex()
    yield "additional data = the header", record.raw[:HEADER].hex()
    yield "ciphertext", record.raw[HEADER : -suite.tag_length].hex()
    yield "tag", record.raw[-suite.tag_length :].hex()
    yield (
        "plaintext, then the content type: without padding",
        ((record.content or b"") + bytes([record.content_type or 0])).hex(),
    )


def _of_finished(found: Dissection, secrets: Mapping[str, bytes], place: int, message: Finished) -> Iterator[Number]:
    suite, label = protection13.SUITES.get(found.cipher_suite or 0), HANDSHAKE_LABELS[found.messages[place].sender]
    if suite is None or label not in secrets:
        return
    digest = key_schedule.transcript_hash(suite.hash, transcript13(found.messages[:place], suite.hash))
    yield (
        f'finished key = HKDF-Expand-Label({label}, "finished", "", {len(digest)})',
        key_schedule.finished_key(suite.hash, secrets[label]).hex(),
    )
    yield f"{suite.hash} of the {place} messages before", digest.hex()
    yield "verify_data = HMAC(finished key, that hash)", message.verify_data.hex()


def _of_signature(found: Dissection, place: int, verify: CertificateVerify) -> Iterator[Number]:
    suite = protection13.SUITES.get(found.cipher_suite or 0)
    certificate = certificate_of(found, place)
    if suite is None or certificate is None:
        return
    digest = key_schedule.transcript_hash(suite.hash, transcript13(found.messages[:place], suite.hash))
    yield "signed content", signed_content(Side(found.messages[place].sender), digest).hex()
    yield "signature", verify.signature.hex()
    key = peer.attempt(certificate.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        public = key.public_numbers()
        power = pow(int.from_bytes(verify.signature), public.e, public.n)
        yield "n", f"{public.n:x}"
        yield "e (decimal)", str(public.e)
        yield "signature^e mod n: the padded hash (RSASSA-PSS, RFC 8017 §9.1)", f"{power:x}"
