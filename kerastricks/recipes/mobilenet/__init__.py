"""The rows of the paper for MobileNet: those of ResNet-50-D, without zero γ."""
