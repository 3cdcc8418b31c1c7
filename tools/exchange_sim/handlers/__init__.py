"""What the venue does for each path: decode parameters, ask or change the venue, encode the answer."""
