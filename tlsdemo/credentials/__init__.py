"""The credentials of server and client, and those that an attacker can obtain.

kinds     each kind, declared once: how it is minted, and the texts that commands print about it
minted    a CA, a server and a client in memory
folder    the same in the files of a CA's folder; EDGE
"""
