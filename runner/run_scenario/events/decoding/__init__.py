"""Records of a run, decoded into its events, in causal order."""
