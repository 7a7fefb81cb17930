"""What the study's data are: signals with the classical filters, and shapes."""
