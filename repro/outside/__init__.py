"""Other people's results: what their tools wrote, read as it was meant."""
