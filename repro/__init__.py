"""Run published machine-learning results again, over seeds, and judge what comes out."""

__version__ = "0.1.0"
