"""Make other programs trust a root CA. EDGE.

environment    environment variables, and the programs that ignore them
recipes        how trust stores get a root CA, and how it is removed again
system         which recipes fit this system
user_stores    add a root to the stores of the user's browsers, and undo that
stores         where these stores are
nss            one store: read it, and the commands that change it
record         what was added, for undoing it
reach          which sites a root can certify
"""
