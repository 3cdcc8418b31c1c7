"""Checks allocations and judges arms: fires exactly one request per arm, or refuses with every reason."""
