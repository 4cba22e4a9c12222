"""The rows of the paper for Inception-V3: those of ResNet-50-D, at 299 pixels and without zero γ."""
