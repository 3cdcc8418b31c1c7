"""The Lua scripts: each decides and writes at one instant, or not at all."""
