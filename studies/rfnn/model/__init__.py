"""Gaussian layers and the networks made of them."""
