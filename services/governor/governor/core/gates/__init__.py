"""One gate per file: a pure function from a case to a verdict. Whatever cannot be read fails its gate."""
