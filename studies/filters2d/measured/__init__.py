"""What experiments return, a module for each family of them."""
