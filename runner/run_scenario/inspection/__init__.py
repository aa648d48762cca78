"""A program that was not started by run-scenario: what the system shows of it (`facts`), and what follows from that."""
