"""Convolutions and their two gradients in standard operators, one form a file."""
