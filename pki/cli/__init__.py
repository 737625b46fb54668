"""The command line of `pki`: parse, call, print. EDGE."""
