"""What the streams prove: a history read from Redis or from an export, and what is found in it. No I/O."""
