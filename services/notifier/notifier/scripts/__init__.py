"""Lua: who of several notifiers tells, and how far each address has been told."""
