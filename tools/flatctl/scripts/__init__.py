"""The Lua scripts: a dead letter is settled whole, with its record, or not at all."""
