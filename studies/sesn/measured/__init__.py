"""What the experiments return, a module a family."""
