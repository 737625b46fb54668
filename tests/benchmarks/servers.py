"""The servers that the benchmarks compare, each a process on 127.0.0.1: ours, an older checkout of ours, nginx, ...

Not here: the bare pool itself (`bare_pool`), which runs as a module of its own.
"""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """All CPU time of a process and its threads: its CPU clock, whose number Linux forms from the process id."""
    return time.clock_gettime((~pid << 3) | 2)


@dataclass(frozen=True)
class Running:
    """A server process that listens on 127.0.0.1."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid


@dataclass
class Servers:
    """Starts servers that all present one certificate; they end with `stack`."""

    folder: Path
    stack: ExitStack

    def __post_init__(self) -> None:
        self.certs = self.folder / "certs"
        command: list[str | Path] = [sys.executable, "-m", "pki", "init", "--dir", self.certs]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def end(self, server: Running) -> None:
        end(server.process)

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certs / "root.pem"))

    def start(
        self,
        *command: str | Path,
        port: int,
        stdout: int = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        process = subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL, cwd=self.folder,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        self.stack.callback(end, process)
        for _ in range(500):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return Running(process, port)
            time.sleep(0.02)
        raise SystemExit(f"{command[0]} does not listen on {port}")

    def tlsdemo(self, source: Path = ROOT, stdout: int = subprocess.DEVNULL, prefix: Sequence[str] = ()) -> Running:
        """`tlsdemo serve`, from this checkout or another one."""
        port = free_port()
        return self.start(
            *prefix, sys.executable, "-m", "tlsdemo", "serve", "--certs", self.certs, "--host", "127.0.0.1",
            "--port", str(port), port=port, stdout=stdout, environment={"PYTHONPATH": str(source)},
        )  # fmt: skip

    def publisher(self, source: Path = ROOT) -> Running:
        """A publisher of revocation with a text at /text."""
        port = free_port()
        code = (
            "import threading; from pki.publish.server import Published, Publisher\n"
            f"with Publisher(port={port}) as publisher:\n"
            "    publisher.publish('/text', Published('text/plain', b'text'))\n"
            "    threading.Event().wait()\n"
        )
        return self.start(sys.executable, "-c", code, port=port, environment={"PYTHONPATH": str(source)})

    def bare_pool(self, threads: int = 8) -> Running:
        """Blocking threads, and nothing but accept, handshake and read."""
        port = free_port()
        return self.start(
            sys.executable, "-m", "tests.benchmarks.bare_pool", self.certs, str(port), str(threads),
            port=port, environment={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def nginx(self, connections: int = 512, prefix: Sequence[str] = ()) -> Running:
        port = free_port()
        path = self.folder / "nginx.conf"
        path.write_text(
            f"""daemon off; master_process off; error_log /dev/null; pid {self.folder}/nginx.pid; worker_processes 1;
events {{ worker_connections {connections}; }}
http {{ access_log off; client_body_temp_path {self.folder}; proxy_temp_path {self.folder};
 fastcgi_temp_path {self.folder}; uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {self.certs}/server.pem;
 ssl_certificate_key {self.certs}/server.key; ssl_protocols TLSv1.3; location / {{ return 200 "ok"; }} }} }}
"""
        )
        return self.start(*prefix, "nginx", "-c", path, port=port)

    def s_server(self) -> Running:
        port, chain = free_port(), self.certs / "server.pem"
        return self.start(
            "openssl", "s_server", "-quiet", "-www", "-cert", chain, "-cert_chain", chain,
            "-key", self.certs / "server.key", "-accept", str(port), port=port,
        )  # fmt: skip


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdout:
        process.stdout.close()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
