"""Arithmetic on batches of pixels; random numbers are passed in."""
