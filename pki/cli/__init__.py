"""The command `pki`. EDGE.

main         init, issue, list, env
inspect      show, diff, verify
rogue        `pki rogue`: list, show, mint
options      options of several commands
arguments    what a user types -> values
text         results as text
case_text    test certificates as text
"""
