"""What runs in each process before and after its target."""
