"""The whole trio on an embedded Redis and the simulator: the incident, replayed and proved."""
