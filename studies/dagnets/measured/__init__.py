"""What the experiments return, one module a family."""
