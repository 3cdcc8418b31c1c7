"""The operator's command line: set the latch, arm, watch, and look at what is open."""
