"""Other verifiers, and where they disagree with ours. EDGE: runs programs.

opinions         what OpenSSL, GnuTLS and cryptography say of a certificate
disagreements    the reason, where it is known
"""
