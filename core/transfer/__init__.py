"""Moves one file: a coroutine each for upload, download and copy, and the movers that carry the bytes for them."""
