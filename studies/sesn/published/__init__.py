"""What the blog printed and what it published: Table 1, and the runs behind it."""
