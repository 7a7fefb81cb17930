"""Tables and pictures, from result rows and of networks trained for them."""
