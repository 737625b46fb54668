"""How other programs come to trust a root certificate. EDGE.

environment    the environment variables, and what ignores them
"""
