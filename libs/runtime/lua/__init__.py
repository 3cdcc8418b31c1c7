"""Lua scripts of the consumer loop."""
