"""The bodies of the commands, one module each: read the files, build, run, print. EDGE, like `cli`, which parses."""
