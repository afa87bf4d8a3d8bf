"""Variants of block Gibbs sampling."""
