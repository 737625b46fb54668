"""Certificates and CRLs with one element changed, through everything that reads them: `mutate.py [COUNT] [SEED]`.

One element of a certificate or CRL of the catalogue is changed, deleted, doubled or exchanged for another; the lengths
around it are kept right, so that the readers meet the change and not the frame. Each input goes through the functions
behind `pki show`, `pki show --der`, `pki verify`, `pki diff` and the display of a peer's certificate. Prints the number
of inputs, every exception with an input that causes it, what the library refuses without a named rule, and the slowest
input.
"""

import random
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

sys.path.insert(0, str(Path(__file__).parents[2]))

from pki import path
from pki.asn1 import ber, der
from pki.cases import CATALOGUE
from pki.cases.minting import case_builder
from pki.cli import show_text, verdict_text
from pki.names import parse
from pki.objects import blocks, distinguished_names, summary
from pki.objects.blocks import BlockKind, UnreadableBlock
from pki.path.request import Request
from pki.show import describe, diff, dump
from pki.show import parse as unpack
from pki.verdict import PathProfile, Purpose

AT = datetime(2026, 11, 24, tzinfo=UTC)
NAME = parse("localhost")
TAGS = bytes.fromhex("0102030405060a0c13141617181e1f303180818286 87a0a1a3222400ff")
INTERESTING: tuple[bytes, ...] = (
    b"", b"\0", b"\xff", b"\x80", b"\0\0", b"\x00\x80", b"\xff" * 21, b"\x7f" * 40, b"\x01\x01", b"a_b", b"0",
    b"00000101000000Z", b"500101000000Z", b"20500229000000Z", b"99991231235959Z", b"\xc3\x28", b"*.test",
    b"evil.org, DNS:example.com", b"\x1b[2J", b"a@b@c", b"/", b"\x06\x80\x01", b"\x08\xff", b"\x30\x00",
)  # fmt: skip


LONGEST = 3_000  # bytes; the case with 800 names costs as much as a hundred others


def originals() -> list[bytes]:
    """Certificates and CRLs of the catalogue in DER. The keys are fresh: a seed repeats the kinds of changes alone."""
    builder = case_builder([NAME], AT)
    found = dict[bytes, None]()
    for case in CATALOGUE.values():
        served = case.mint(builder).served
        found |= dict.fromkeys(served.chain[:2])
        found |= dict.fromkeys(each.public_bytes(Encoding.DER) for each in served.crls[:1])
    return [each for each in found if len(each) <= LONGEST]


def mutated(original: bytes, chance: random.Random) -> bytes:
    """One element changed; the lengths around it are right. Elements within the values of extensions count, too."""
    tree = ber.parse(original)
    nodes = list(_nodes(tree.roots))
    target = chance.choice(nodes)
    donor = chance.choice(nodes)
    return _rebuilt(tree, tree.roots[0], target, _changed(tree, target, donor, chance))


def _nodes(roots: list[ber.Node]) -> Iterator[ber.Node]:
    for node in roots:
        yield node
        yield from _nodes(node.children)


def _changed(tree: ber.Tree, target: ber.Node, donor: ber.Node, chance: random.Random) -> bytes:
    whole, content = tree.data[target.start : target.end], tree.data[target.content]
    match chance.randrange(10):
        case 0:
            return der.element(chance.choice(TAGS), content)
        case 1:
            return der.element(target.tag, chance.choice(INTERESTING))
        case 2:
            return der.element(target.tag, content, chance.choice(INTERESTING))
        case 3:
            return der.element(target.tag, content[: chance.randrange(len(content) + 1)])
        case 4:
            return b""
        case 5:
            return whole + whole
        case 6:
            return tree.data[donor.start : donor.end]
        case 7:  # inside an extension: one byte changed
            changed = bytearray(content or b"\0")
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return der.element(target.tag, bytes(changed))
        case 8:  # another form of the length
            size = len(content)
            return bytes([target.tag]) + b"\x84" + size.to_bytes(4) + content
        case _ if target.constructed:
            return bytes([target.tag]) + b"\x80" + content + b"\0\0"
    return der.element(target.tag, bytes(chance.randrange(256) for _ in range(chance.randrange(12))))


def _rebuilt(tree: ber.Tree, node: ber.Node, target: ber.Node, replacement: bytes) -> bytes:
    if node is target:
        return replacement
    if not node.start <= target.start < node.end:
        return tree.data[node.start : node.end]
    return der.element(node.tag, *(_rebuilt(tree, each, target, replacement) for each in node.children))


def exercise(data: bytes, good: bytes) -> str | None:
    """Everything that reads a certificate. Returns why the library refuses it without a rule that is named here."""
    shown = list(unpack.everything(data))
    lines = [*show_text.descriptions(shown, show_text.Explain.REASONS)]
    for _, found in dump.of_file(data):
        lines += [found] if isinstance(found, str) else dump.table(found)
    if any(not line.isprintable() for line in lines):
        raise AssertionError("the output drives a terminal")
    summary.summary(data)
    list(show_text.difference(diff.difference(data, good)))
    unnamed = None
    for block in blocks.read(data).flat():
        try:
            if block.kind is BlockKind.CRL:
                describe.revocation_list(blocks.crl(block))
            elif block.kind is BlockKind.CERTIFICATE:
                certificate = blocks.certificate(block)
                distinguished_names.subject(certificate)
                distinguished_names.issuer(certificate)
                for purpose in (Purpose.SERVER, Purpose.CLIENT):
                    request = Request(
                        certificate, (certificate,), (certificate,), NAME, purpose, AT, (), PathProfile.WEBPKI, 8
                    )
                    list(verdict_text.verdict(path.judge(request)))
        except UnreadableBlock as error:
            if "pki finds no fault" in str(error):
                unnamed = str(error)
    return unnamed


@dataclass
class Result:
    """What came of a run."""

    inputs: int = 0
    exceptions: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    unnamed: list[bytes] = field(default_factory=list)
    slowest: tuple[float, bytes] = (0.0, b"")
    kinds: Counter[str] = field(default_factory=Counter)


def run(count: int, seed: int) -> Result:
    """Try that many inputs."""
    chance, result = random.Random(seed), Result()
    pool = originals()
    for _ in range(count):
        data = mutated(chance.choice(pool), chance)
        result.inputs += 1
        start = time.process_time()
        try:
            if exercise(data, pool[0]) is not None:
                result.unnamed.append(data)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__}: {str(error)[:80]} at {Path(frame.filename).name}:{frame.lineno}"
            number, example = result.exceptions.get(place, (0, data))
            result.exceptions[place] = number + 1, example
        taken = time.process_time() - start
        if taken > result.slowest[0]:
            result.slowest = taken, data
    return result


def main() -> int:
    """Print the result; 1 if there was an exception."""
    warnings.simplefilter("ignore")
    count, seed = (*map(int, sys.argv[1:3]), *(1_000, 1)[len(sys.argv) - 1 :])[:2]
    result = run(count, seed)
    print(f"{result.inputs} inputs, seed {seed}")
    print(f"{sum(number for number, _ in result.exceptions.values())} exceptions")
    for place, (number, example) in result.exceptions.items():
        print(f"  {number} x {place}\n    {example.hex()}")
    print(f"{len(result.unnamed)} refused by the library, and no rule is named")
    for example in result.unnamed[:5]:
        print(f"    {example.hex()}")
    print(f"slowest: {result.slowest[0]:.3f} s of CPU\n    {result.slowest[1].hex()}")
    return 1 if result.exceptions else 0


if __name__ == "__main__":
    sys.exit(main())
