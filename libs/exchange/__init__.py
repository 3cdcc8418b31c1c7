"""How Flatguard talks to an exchange: two ports, and the Binance USD-M adapter over ccxt."""
