"""A script that is run as it is, and recorded: what it makes, and what its processes do."""
