"""A program that was looked at from outside: values → text and JSON."""
