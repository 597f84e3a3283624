"""Tests of the window: real widgets, a scripted engine behind them."""
