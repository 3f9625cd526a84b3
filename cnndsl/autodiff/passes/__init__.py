"""Rewrites of training graphs; each keeps the outputs and is in a file of its own."""
