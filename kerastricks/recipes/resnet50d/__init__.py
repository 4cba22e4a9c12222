"""The rows of the paper for ResNet-50-D, each on top of the one before."""
