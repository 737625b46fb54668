"""A TLS client without a fault. Arguments: ADDRESS PORT HOST CA FOLDER."""

import socket
import ssl
import sys

address, port, host, ca, _ = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with context.wrap_socket(socket.create_connection((address, int(port))), server_hostname=host) as tls:
    tls.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    while data := tls.recv(4096):
        sys.stdout.buffer.write(data)
