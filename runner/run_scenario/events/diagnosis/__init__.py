"""Why a run stands still: who waits for what, and who could have moved it."""
