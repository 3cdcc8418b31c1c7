"""A local exchange that speaks the Binance USD-M REST API: `exchange-sim --scenario incident`.

`core/` is the venue itself, pure: `universe` (what is listed), `market` (prices, depth), `account` (positions, orders),
`admission` (which orders are taken), `matching`, `algo` (conditional orders), `limits`, `signing`, `faults` (what goes
wrong), `evidence` (what happened), `venue` (all of it together). `handlers/` answers each path, `gateway` puts latency,
limits, authority and faults around them, `control` is the simulator's own API under `/sim/`, described there.
"""
