"""Real TLS on the standard library: one builder of contexts, a server and a client short enough to copy.

    context    the only place that builds an `ssl.SSLContext`: what is checked is decided here and nowhere else
    server     wraps an accepted socket, answers one message
    client     wraps a connected socket, sends one message
    endpoint   the same over memory, as an Endpoint       protocol   TLS with a set of protections, as a Protocol
    evidence   what a server sends instead of TLS, kept for the error
    onlooker   the records as an attacker sees them
    refusal    OpenSSL's verify codes and alerts in plain words, with the RFC section and what to do

Not here: the accept loop and the deadlines (`net`), what is said through the channel (`talk`).
"""
