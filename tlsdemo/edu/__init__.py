"""The educational handshake: small enough to read in an evening, real enough to be attacked. Begin with `handshake`.

handshake                client and server, top to bottom: what each sends, and why
messages                 the messages: lines of JSON, strictly read
key_schedule             from that secret to all keys
authentication           signatures over the handshake
records                  sealed records for application data
machine                  lines and records over the state machine of `tlsdemo.driver`
errors                   every way in which a line can be wrong
protocol                 the rungs, each built from the rung below it; the Protocol of a set of protections
weak                     one module for each protection that can be left out
server                   the server on a socket
client                   the client on a socket

framing                  the messages, as an attacker sees them
eavesdropping            what an eavesdropper can compute
groups                   groups by name, weak ones included
logarithms               discrete logarithms in weak groups
small_subgroup_attack    a server's reused secret, computed by asking (RFC 2785)
effort                   what a longer group would cost

It never imports `tlsdemo.tls`.
"""
