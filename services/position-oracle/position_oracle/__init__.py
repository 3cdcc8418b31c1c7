"""Reads positions and mark prices from the exchange and publishes them. Never trades, never decides."""
