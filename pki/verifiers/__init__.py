"""Other verifiers, and why their verdicts differ from ours. EDGE: runs programs.

opinions         the verdicts of OpenSSL, GnuTLS and cryptography on a certificate
disagreements    the reason for a different verdict, where it is known
"""
