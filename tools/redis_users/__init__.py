"""Gives each program a Redis user of its own, with a password that nobody else can read, and the console its token."""
