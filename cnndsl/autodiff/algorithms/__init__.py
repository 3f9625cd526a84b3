"""Convolutions and their two gradients in standard operators, one algorithm a file."""
