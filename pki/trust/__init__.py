"""Make other programs trust a root CA. EDGE.

environment    environment variables, and the programs that ignore them
"""
