"""Recipes that start throwaway storage servers without root."""
