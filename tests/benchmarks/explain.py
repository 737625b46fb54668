"""What explaining a capture costs, beside tshark: a small conversation, and large ones.

    python -m tests.benchmarks.explain [ROUNDS]

The conversations are those of Python's `ssl` in memory, with the keys in the file. Both programs are whole processes,
and take turns. Quote the ratios: the times depend on the machine.
"""

import multiprocessing
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tlsdemo.wire.support import Conversation, contexts
from tlsdemo.wire import captures
from tlsdemo.wire.captures import Chunk, Connection, Place

MEGABYTES = (0, 5, 50)


def capture(file: Path, megabytes: int) -> None:
    """Write a pcapng file of one conversation, with its keys."""
    log = file.with_suffix(".log")
    client, server = contexts("ECDHE-RSA-AES256-GCM-SHA384", ssl.TLSVersion.TLSv1_3)
    client.keylog_filename = str(log)
    conversation = Conversation(client, server).say(b"a request", b"an answer")
    for _ in range(megabytes):
        conversation.client.tls.write(os.urandom(10**6))
        conversation.pump()
        conversation.server.received = b""
    passed = tuple(Chunk(sender, data, 1.0) for sender, data in conversation.chunks)
    connection = Connection(Place("127.0.0.1", 40000), Place("127.0.0.1", 443), passed, has_beginning=True)
    file.write_bytes(captures.write([connection], log.read_text()))


def cost(command: list[str]) -> tuple[float, float]:
    """Seconds and the most memory of a process, in MB (on macOS, `ru_maxrss` is in bytes: divide by 1024 once more)."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        for megabytes in MEGABYTES:
            file = Path(name) / f"{megabytes}.pcapng"
            # In a process of its own: the memory of this process would count as that of the programs it starts.
            maker = multiprocessing.get_context("spawn").Process(target=capture, args=(file, megabytes))
            maker.start()
            maker.join()
            commands = {
                "tshark -V": ["tshark", "-r", str(file), "-V"],
                "explain": [sys.executable, "-m", "tlsdemo", "explain", "--capture", str(file)],
            }
            measured: dict[str, list[tuple[float, float]]] = {label: [] for label in commands}
            for _ in range(rounds):
                for label, command in commands.items():
                    measured[label].append(cost(command))
            middle = {
                label: [statistics.median(each) for each in zip(*of, strict=True)] for label, of in measured.items()
            }
            print(f"a capture of {file.stat().st_size / 1e6:.1f} MB")
            for label, (seconds, memory) in middle.items():
                ratio = seconds / middle["tshark -V"][0]
                print(f"  {label:<12}{seconds:7.2f} s {memory:7.0f} MB   {ratio:5.2f} x tshark")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
