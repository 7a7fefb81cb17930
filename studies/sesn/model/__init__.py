"""Scale-equivariant layers, as published and in a fast form, and the networks made of them."""
