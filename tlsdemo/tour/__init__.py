"""The story in scenes, played live. EDGE.

play                 one scene after the other
scenes               the list of them
stage                what scenes share; a claim is printed only if it was just seen to hold
open_connection      multiplication and Diffie-Hellman
man_in_the_middle    the attacker in between, and the CA that stops it
real_tls             the same with TLS, on sockets
later                recorded today, key stolen tomorrow; a missing close_notify
peers                a server of ours without one protection, and a client that may notice
tables               what each check costs, who read what
"""
