"""What the slides print, computed anew, one module a topic, and held against the print."""
