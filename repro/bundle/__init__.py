"""Can others believe it? A run packed as evidence, and bundles read without trusting them."""
