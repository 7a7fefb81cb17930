"""What do we get? Runs planned, made and kept."""
