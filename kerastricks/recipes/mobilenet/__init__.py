"""The rows of the paper for MobileNet, each on top of the one before."""
