"""This computer: files, cache, terminal, git, container engine and image. Standard library only."""
