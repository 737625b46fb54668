"""The educational handshake: small enough to read in an evening, real enough to be attacked. Begin with `handshake`.

handshake     the strong path, top to bottom: what client and server say, and why
agreement     how two come to a common secret: the toy, Diffie-Hellman, X25519
schedule      from that secret to all keys
trust         signatures and certificates: who is it?
channel       sealed records for what they have to say
messages      the lines of JSON, strictly read             violations   every way to misbehave
machine       what drives the tables of `handshake`        weak/        what is lost without a protection
rungs         sets of protections, and what is built from them
overheard     what a listener can make of it               explain      each step, told
framing       the lines as an attacker sees them
live          a server's and a client's conversation, on a socket

It never imports `tlsdemo.tls`.
"""
