"""How long a test waits for what must happen."""

HANG_S = 60.0
"""Reached by a hang alone: on a loaded machine the start of one service takes 15 s, most of it importing ccxt.

A wait ends with its event; this bound only turns a hang into a message, before the suite's own limit ends the test.
"""
