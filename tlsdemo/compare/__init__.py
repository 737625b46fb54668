"""Protocols side by side.

protocols    which ones are compared
benchmark    the time of one handshake; EDGE
costs        time, bytes and lines of code; EDGE
story        one attack on one protocol, as a sequence of events
page         the whole matrix, for `report.matrix_page`
"""
