"""TLS bytes, parsed without a TLS library.

fields            declared structures: read, written and explained from one declaration
registry          the names of numbers, as in the IANA registries
records           the record layer
handshake         handshake messages, ServerHello
client_hello      ClientHello
messages13        the handshake messages of TLS 1.3
messages12        those of TLS 1.2 that differ
extensions        the structures of extensions, by message and number
first_flight      what a client's first bytes reveal, and edits of them
key_schedule13    key schedule of TLS 1.3
protection13      record protection of TLS 1.3
key_log           secrets in a file, for Wireshark and for us
tls12             record protection of TLS 1.2
captures          pcap and pcapng files, read into connections and written
dissection        a whole conversation: records, decrypted with a key log, and messages
trees             their spans, down to the content of extensions
static_rsa        decrypts a recording with a stolen key
framing           records, as an attacker sees them
visible           what stays visible to an eavesdropper
"""
