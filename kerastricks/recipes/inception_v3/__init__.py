"""The rows of the paper for Inception-V3, each on top of the one before."""
