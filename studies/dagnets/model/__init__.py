"""Networks of the slides, their counts, and their conversion to fully convolutional ones."""
