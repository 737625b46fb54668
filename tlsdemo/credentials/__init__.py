"""The credentials of server and client, and those that an attacker can come by.

minted    in memory, each minted when it is asked for
folder    from the files of a CA's folder; EDGE
"""
