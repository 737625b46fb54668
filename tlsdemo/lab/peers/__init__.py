"""Which missing protections a peer notices: our TLS 1.3, weakened, against the TLS programs of this machine. EDGE.

programs     the peers as data: well-known clients and servers
meeting      one conversation of our endpoint with a peer
trials       all trials: first the control, then one protection removed at a time
"""
