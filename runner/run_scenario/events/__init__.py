"""From records to typed events, and what follows from them: history, diagnosis, exit causes, outcome, exit status."""
