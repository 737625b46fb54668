"""What reading TLS bytes costs: decoding with and without a tree, encoding, and the dissection of a conversation.

    python -m tests.benchmarks.wire [ROUNDS [MEGABYTES]]

The conversation is one of Python's `ssl` in memory. Quote the ratios: the times depend on the machine.
"""

import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.tlsdemo.wire.support import Conversation, contexts
from tests.tlsdemo.wire.test_first_flight import genuine, hello_of
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import Dissection, dissect
from tlsdemo.wire.fields import Field, decode, encode, walk
from tlsdemo.wire.key_log import parse
from tlsdemo.wire.trees import refined


def seconds_for_each(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def hellos(rounds: int) -> None:
    """One ClientHello, in every way; the ways take turns in each round."""
    hello = hello_of(genuine())
    body = encode(hello)
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(ClientHello, body),
        "encode": lambda: encode(hello),
        "walk (a tree)": lambda: walk(ClientHello, body),
        "walk, with the content of extensions": lambda: refined(walk(ClientHello, body), body),
    }
    measured: dict[str, list[float]] = {label: [] for label in works}
    for _ in range(rounds):
        for label, work in works.items():
            measured[label].append(seconds_for_each(work, 1000))
    decoding = statistics.median(measured["decode"])
    print(f"a ClientHello of {len(body)} bytes")
    for label, each in measured.items():
        middle = statistics.median(each)
        print(f"  {label:<38}{middle * 1e6:8.1f} us   {middle / decoding:5.1f} x decode")


def conversations(rounds: int, megabytes: int) -> None:
    """A whole conversation with that much application data."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with tempfile.TemporaryDirectory() as folder:
            client, server = contexts("ECDHE-RSA-AES256-GCM-SHA384", version)
            client.keylog_filename = str(Path(folder) / "keys.log")
            chunks = Conversation(client, server).say(bytes(megabytes * 10**6), b"an answer").chunks
            log = parse(Path(folder, "keys.log").read_text())
        size = sum(len(data) for _, data in chunks) / 1e6
        found = dissect(chunks, log)
        assert all(each.problem is None for each in found.records)
        print(f"{version.name}: {len(found.records)} records, {size:.1f} MB")
        works: dict[str, Callable[[], object]] = {
            "dissect": partial(dissect, chunks, log),
            "dissect, without a key log": partial(dissect, chunks),
            "all trees": partial(trees, found),
        }
        for label, work in works.items():
            middle = statistics.median(seconds_for_each(work, 1) for _ in range(rounds))
            print(f"  {label:<38}{middle * 1e3:8.1f} ms   {size / middle:8.0f} MB/s")


def trees(found: Dissection) -> list[Field]:
    """The trees of all records and messages."""
    return [*(each.tree() for each in found.records), *(each.tree() for each in found.messages)]


def main(rounds: int = 7, megabytes: int = 10) -> None:
    """Print both groups."""
    hellos(rounds)
    conversations(rounds, megabytes)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
