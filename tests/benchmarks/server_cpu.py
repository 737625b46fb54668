"""CPU that a server spends on one full TLS 1.3 handshake: ours, nginx, `openssl s_server`, on the same certificate.

    .venv/bin/python -m tests.benchmarks.server_cpu [handshakes for each server and round] [rounds]

The servers take turns in one run, so that a machine that slows down slows them all; quote the ratios. Linux only, for
the CPU clock of another process.
"""

import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """All CPU time of a process and its threads: its CPU clock, whose number Linux forms from the process id."""
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def running(*command: str, port: int) -> Iterator[int]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def nginx_configuration(folder: Path, certs: Path, port: int) -> Path:
    path = folder / "nginx.conf"
    path.write_text(
        f"""daemon off; master_process off; error_log /dev/null; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
 uwsgi_temp_path {folder}; scgi_temp_path {folder};
 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certs}/server.pem; ssl_certificate_key {certs}/server.key;
 ssl_protocols TLSv1.3; location / {{ return 200 "ok"; }} }} }}
"""
    )
    return path


def handshakes(port: int, context: ssl.SSLContext, count: int) -> None:
    for _ in range(count):
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            assert not tls.session_reused


def main() -> None:
    count, rounds = (int(word) for word in (sys.argv[1:] + ["1000", "5"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        certs = folder / "certs"
        subprocess.run([sys.executable, "-m", "pki", "init", "--dir", certs], check=True, stdout=subprocess.DEVNULL)
        context = ssl.create_default_context(cafile=str(certs / "root.pem"))
        ports = {name: free_port() for name in ("tlsdemo", "nginx", "s_server")}
        commands = {
            "tlsdemo": [sys.executable, "-m", "tlsdemo", "serve", "--certs", certs, "--host", "127.0.0.1", "--port"],
            "nginx": ["nginx", "-c", nginx_configuration(folder, certs, ports["nginx"])],
            "s_server": ["openssl", "s_server", "-quiet", "-www", "-cert", certs / "server.pem",
                         "-cert_chain", certs / "server.pem", "-key", certs / "server.key", "-accept"],
        }  # fmt: skip
        commands["tlsdemo"].append(str(ports["tlsdemo"]))
        commands["s_server"].append(str(ports["s_server"]))
        names = [name for name in commands if name == "tlsdemo" or shutil.which(str(commands[name][0]))]
        pids = {name: stack.enter_context(running(*map(str, commands[name]), port=ports[name])) for name in names}
        spent: dict[str, list[float]] = {name: [] for name in names}
        for name in names:
            handshakes(ports[name], context, 50)
        for _ in range(rounds):
            for name in names:
                before = cpu_seconds(pids[name])
                handshakes(ports[name], context, count)
                spent[name].append((cpu_seconds(pids[name]) - before) / count)
        ours = statistics.median(spent["tlsdemo"])
        print(
            f"{rounds} rounds of {count} full handshakes each; {ssl.OPENSSL_VERSION}; Python {sys.version.split()[0]}"
        )
        for name in names:
            middle = statistics.median(spent[name])
            low, high = min(spent[name]) * 1e6, max(spent[name]) * 1e6
            print(f"{name:<9} {middle * 1e6:6.0f} µs  ({low:.0f} to {high:.0f})   ours against it: {ours / middle:.2f}")


if __name__ == "__main__":
    main()
