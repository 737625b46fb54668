"""Fault: after a failed handshake it sends the request without TLS. Arguments: ADDRESS PORT HOST CA FOLDER."""

import socket
import ssl
import sys

address, port, host, ca, _ = sys.argv[1:]


def get(connected: socket.socket) -> None:
    with connected:
        connected.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        while data := connected.recv(4096):
            sys.stdout.buffer.write(data)


def dial() -> socket.socket:
    return socket.create_connection((address, int(port)))


try:
    get(ssl.create_default_context(cafile=ca).wrap_socket(dial(), server_hostname=host))
except OSError:
    get(dial())  # the fault
