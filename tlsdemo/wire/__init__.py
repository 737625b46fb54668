"""TLS bytes, read without any TLS library. Knows nothing of sockets, certificates or protocols of ours."""
