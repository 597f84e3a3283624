"""Sluice is tried against real servers, real processes and a real window wherever that is possible."""
