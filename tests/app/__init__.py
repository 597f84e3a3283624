"""Tests of the window's plain-Python parts."""
