"""A run as a timeline, in text and as a picture."""
