"""What the experiments return."""
