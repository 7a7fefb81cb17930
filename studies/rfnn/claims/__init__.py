"""Evidence on what the thesis says."""
