"""nn: multi-layer perceptrons built out of autograd_lite nodes."""
