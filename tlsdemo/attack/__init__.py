"""Whoever sits on the line with a purpose: an `Attacker` of `tlsdemo.protocol`, sans-IO as the ends are.

interceptor     the man in the middle: two conversations back to back, by any protocol
world           who takes part, and what the attacker has come by
catalogue       the attacks: what stops each, and how each is tried

None of them asks which protocol it faces.
"""
