"""Training by the released scripts' protocols, a module a data set."""
