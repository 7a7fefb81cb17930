"""Evidence for the claims, one module a chapter."""
