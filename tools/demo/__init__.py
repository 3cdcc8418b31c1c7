"""The incident, replayed on an embedded Redis and the exchange simulator, and proved three ways."""
