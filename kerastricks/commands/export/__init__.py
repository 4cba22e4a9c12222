"""A finished model in the form of another runtime: written, run there, and compared with Keras."""
