"""TLS 1.3 of our own, to be read: RFC 8446 without resumption. Begin with `handshake`, beside `edu.handshake`.

handshake        client and server, top to bottom: what each sends, and why
offers           what the hellos offer and select, strictly read
key_agreement    the groups by number, with key shares in bytes
signatures       signature schemes, and what CertificateVerify signs
machine          TLS records over the state machine of `tlsdemo.driver`
violations       one violation for each rule that is checked
protocol         the Protocol of a set of protections
weak             one module for each protection that is removed otherwise than in `edu`

side_by_side     the same conversation over the educational handshake and TLS 1.3
eavesdropping    what an eavesdropper can decrypt with a stolen key, or by computing

It must not protect anything that matters: it was not audited, and it runs in Python, whose timing reveals secrets.
"""
