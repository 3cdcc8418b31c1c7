"""One gate per file: a pure function from a case to a verdict."""
