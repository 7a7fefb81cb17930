"""Evidence on what the notebook says, a module for each of its chapters."""
