"""Closes what is open with reduce-only orders and says what the exchange shows afterwards."""
