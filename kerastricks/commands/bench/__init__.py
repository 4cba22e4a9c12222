"""How fast training is, beside plain Keras and native PyTorch."""
