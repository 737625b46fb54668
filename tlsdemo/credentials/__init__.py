"""The credentials of the parties, and those that an attacker can come by."""
