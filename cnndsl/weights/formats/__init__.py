"""Readers of weight files, one format a file.

Each module has `open_file(path) -> TensorFile`, which looks at the file's own table of contents
and at no tensor. Whatever it trusts it has checked; where something is wrong it raises
DamagedError, or lets a library's error pass, and `cnndsl.weights.opening` makes one sentence of it.
Nothing here runs code from a file.
"""
