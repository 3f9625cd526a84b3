"""Looking inside a net: what speaks for a class, what a layer makes of a picture, and of which.

Each function gives a `View`: a picture for people, the numbers behind it, and what it shows in
words.
"""
