"""Variants of the likelihood and of estimates of log Z."""
