"""The command `pki`. EDGE.

main            init, issue, list, env
inspect         show, diff, verify
rogue           `pki rogue`: list, show, mint
options         options of several commands
arguments       what a user types -> values
ca_text         what init, issue and list print
show_text       what show and diff print
verdict_text    what verify prints
case_text       what rogue prints
"""
