"""The engine: everything Sluice does without a window."""

__version__ = "0.1.0"
