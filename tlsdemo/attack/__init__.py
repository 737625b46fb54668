"""Whoever sits on the line with a purpose: an `Attacker` of `tlsdemo.protocol`, sans-IO as the ends are.

world           who takes part, and what is said      mint     what they have, and what he may have come by
passive         who listens, and comes back later     impostor     who says that he is somebody else
negotiation     who meddles with the handshake        tampering    who meddles with the records
interceptor     the man in the middle: two conversations back to back, by any protocol
judge           who has won                           catalogue    all attacks, and what stops each
player          an end that plays a recording         live     the same on a line between two who are not ours
matrix          what is predicted against what is measured

None of the attackers asks which protocol it faces.
"""
