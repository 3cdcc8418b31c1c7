"""The simulated venue itself, pure: no event loop, no sockets, no clock. Time is handed in as Unix milliseconds."""
