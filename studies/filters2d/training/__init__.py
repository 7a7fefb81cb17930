"""How networks are trained, and the best linear answers that need no training."""
