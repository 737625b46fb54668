"""How other programs come to trust a root certificate. EDGE."""
