"""How the network is trained, and how its best state is kept."""
