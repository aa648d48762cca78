"""Programs in which all seem to wait for each other, and which go on: no standstill may be claimed of any."""
