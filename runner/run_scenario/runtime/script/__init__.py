"""Own code that is recorded, a script or what a scenario's targets do: what it makes, and what its processes do."""
