"""A local exchange that speaks the Binance USD-M REST API."""
