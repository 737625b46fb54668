"""The command `pki`. EDGE.

main              init, list, env
issue             issue
lifecycle         check, renew, rekey, revoke, crl
requests          request, sign
trust             trust, untrust
inspect           show, diff, verify
export            bundle, export
publish           publish
rogue             `pki rogue`: list, show, mint
options           options of several commands
arguments         what a user types -> values
ca_text           what init, issue and list print
lifecycle_text    what the commands of lifecycle print
request_text      what request and sign print
trust_text        what trust and untrust print
show_text         what show and diff print
verdict_text      what verify prints
export_text       what export prints
case_text         what rogue prints
"""
