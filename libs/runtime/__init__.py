"""How a service runs: settings, streams, scripts, clock, telemetry, HTTP. Knows no trading."""
