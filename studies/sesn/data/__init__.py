"""Scaled MNIST and STL-10: the sets, and what training does to their images."""
