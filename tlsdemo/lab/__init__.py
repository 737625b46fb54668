"""The lab: a local server of everything that a TLS client must refuse, and a tester for any client. EDGE.

    opening -> collection -> certificates, revocation, protocols, client_certificates    what is shown: exhibits
               laboratory                                                                 on which port; who came
               stage                                                                      one visit, from hello to end
               folder                                                                     its temporary folder

    check -> client, presets     whom it tries, and with which words
             child               runs it, and leaves nothing of it behind
             judge               from its visits to a verdict

Not here: how a rogue is made (`pki.cases`), how a finding is shown (`report`).
"""
