"""The folder of a development CA, and every other file that is read or written. EDGE."""
