"""Sabotages of the adapters that the bank's own words do not make."""
