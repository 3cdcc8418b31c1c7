"""`flatctl drill`: a whole flatten on a simulator of its own, in a namespace of its own, and its result on record."""
