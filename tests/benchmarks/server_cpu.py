"""CPU that a server spends on one full TLS 1.3 handshake: ours, a bare pool of Python threads, nginx, openssl s_server.

    .venv/bin/python -m tests.benchmarks.server_cpu [handshakes for each server and round] [rounds] [older source tree]

All present the same certificate and take turns in one run, so that a machine that slows down slows them all: quote the
ratios. `older source tree` adds the server of another checkout. Linux only, for the CPU clock of another process.
"""

import shutil
import socket
import ssl
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.servers import Servers, cpu_seconds


def handshakes(port: int, context: ssl.SSLContext, count: int) -> None:
    for _ in range(count):
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            assert not tls.session_reused


def main() -> None:
    count, rounds = (int(word) for word in (sys.argv[1:3] + ["1000", "5"][len(sys.argv[1:3]) :]))
    older = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        servers = Servers(Path(scratch), stack)
        started = {"tlsdemo": servers.tlsdemo(), "bare pool": servers.bare_pool()}
        if older:
            started["before"] = servers.tlsdemo(source=older)
        if shutil.which("nginx"):
            started["nginx"] = servers.nginx()
        if shutil.which("openssl"):
            started["s_server"] = servers.s_server()
        context = servers.client_context()
        spent: dict[str, list[float]] = {name: [] for name in started}
        for server in started.values():
            handshakes(server.port, context, 50)
        for _ in range(rounds):
            for name, server in started.items():
                before = cpu_seconds(server.pid)
                handshakes(server.port, context, count)
                spent[name].append((cpu_seconds(server.pid) - before) / count)
        ours = statistics.median(spent["tlsdemo"])
        print(
            f"{rounds} rounds of {count} full handshakes each; {ssl.OPENSSL_VERSION}; Python {sys.version.split()[0]}"
        )
        for name, each in spent.items():
            middle = statistics.median(each)
            ratios = [mine / other for mine, other in zip(spent["tlsdemo"], each, strict=True)]
            print(
                f"{name:<9} {middle * 1e6:6.0f} µs  ({min(each) * 1e6:.0f} to {max(each) * 1e6:.0f})"
                f"   ours against it: {ours / middle:.2f}  (by round: {min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
