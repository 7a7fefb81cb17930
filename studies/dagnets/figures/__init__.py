"""Tables and pictures, and what happens in result rows, in words."""
