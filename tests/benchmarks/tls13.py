"""What TLS 1.3 of our own costs, beside Python's `ssl` with the same protections: both sides in memory.

    python -m tests.benchmarks.tls13 [ROUNDS]

One line is the median CPU time of a whole conversation: handshake, data, close. In each round, every program runs once,
so that a busy machine slows all of them. Compare within one run only.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from os import urandom

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tlsdemo.attack.world import World
from tlsdemo.credentials.minted import Mint
from tlsdemo.edu.protocol import CA, edu
from tlsdemo.protocol import Protection, Protocol, Side
from tlsdemo.tls.protocol import CLAIMS, tls
from tlsdemo.tls13.key_agreement import X25519_NUMBER
from tlsdemo.tls13.protocol import ALL, tls13

MEBIBYTE = [(Side.CLIENT, bytes(1 << 20))]
SSL = "ssl, TLS 1.3"


def world() -> World:
    """Two parties with P-256 certificates, and what they say."""
    mint = Mint(datetime.now(UTC), lambda: ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number)
    return World.create(mint, urandom)


def measured(programs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU time of each program, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            begin = time.process_time()
            program()
            times[name].append(time.process_time() - begin)
    return {name: statistics.median(each[rounds // 10 :]) for name, each in times.items()}


def main(rounds: int) -> None:
    """Print both tables."""
    here = world()
    same = CLAIMS - {Protection.POST_QUANTUM}
    protocols: dict[str, Protocol] = {
        SSL: tls(CLAIMS),
        "ours, x25519, the same protections": tls13(same, groups=[X25519_NUMBER]),
        "ours, the chain is not verified": tls13(same - {Protection.CHAIN}, groups=[X25519_NUMBER]),
        "ours, with X25519MLKEM768": tls13(same | {Protection.POST_QUANTUM}),
        "ours, everything (client certificate, CRLs, hybrid)": tls13(ALL),
        "educational handshake, ca": edu(CA),
    }

    def talk(protocol: Protocol, lines: object) -> Callable[[], object]:
        return lambda: here.converse(protocol.client(here.client), protocol.server(here.server), None, lines)

    show(
        "a handshake and four lines",
        measured({name: talk(each, here.lines) for name, each in protocols.items()}, rounds),
    )
    bulk = [SSL, "ours, x25519, the same protections"]
    show("1 MiB", measured({name: talk(protocols[name], MEBIBYTE) for name in bulk}, rounds))


def show(title: str, times: dict[str, float]) -> None:
    """Print the times, and their ratios to `ssl`."""
    print(title)
    for name, seconds in times.items():
        print(f"{seconds * 1000:8.2f} ms  {seconds / times[SSL]:5.2f}  {name}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
