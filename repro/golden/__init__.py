"""Did our code change? Blessed rows, the bands drawn around them, and checks."""
