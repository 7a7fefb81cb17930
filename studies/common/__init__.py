"""Science that several studies share; each module cites its equation."""
