"""The RBF layer and the deep RBF network."""
