"""The least that a TLS server in Python does: threads that accept, shake hands and read. No deadline, no report.

python -m tests.benchmarks.bare_pool CERTS PORT THREADS
"""

import socket
import ssl
import sys
import threading
from contextlib import suppress
from pathlib import Path


def serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        accepted, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(accepted, server_side=True) as tls:
            tls.recv(1 << 14)
        accepted.close()


def main(certs: Path, port: int, threads: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "server.pem", certs / "server.key")
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        pool = [threading.Thread(target=serve, args=(listener, context), daemon=True) for _ in range(threads)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
