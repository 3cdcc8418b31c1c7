"""What the services say to each other: events, streams, keys, codec. No I/O, msgspec only."""
