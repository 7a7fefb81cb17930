"""A study of one's own, begun: templates of its files, and what fills them in."""
