"""The window: PySide6 views over the engine's snapshot."""
