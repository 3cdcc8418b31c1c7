"""Which event becomes which message, and which of them are told together. Pure."""
