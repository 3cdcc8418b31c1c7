"""The proof of a flatten on a stack that runs, in ten steps, told PASS or FAIL."""
