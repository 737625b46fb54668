"""The lab: a local server of everything that a TLS client must refuse, and a tester for any client. EDGE.

collection   the exhibits: certificates of the catalogue, protocols, revocation, clients' certificates
stage        one conversation on a port: what is shown, and what the visitor did
laboratory   all ports, and the log of the visits
check        a client, case by case: precondition, run, verdict
presets      clients that people use, as data

Not here: how a rogue is made (`pki.rogues`), how a finding is shown (`report`).
"""
