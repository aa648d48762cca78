"""The topology: processes, and the resources between them."""
