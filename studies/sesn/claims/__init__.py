"""Evidence on what the blog says, a module a chapter."""
