"""Arithmetic on batches of pixels; random numbers are handed in."""
