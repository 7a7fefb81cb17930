"""What the slides print, as data: items and layers."""
