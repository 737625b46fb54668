"""Make other programs trust a root CA. EDGE.

environment    environment variables, and the programs that ignore them
recipes        how trust stores get a root CA, and how it is removed again
"""
