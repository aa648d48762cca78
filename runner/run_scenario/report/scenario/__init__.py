"""A recorded script as a scenario, made from its log."""
