"""Which tensor of a file is which parameter of a network."""
