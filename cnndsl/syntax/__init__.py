"""Source text → syntax tree, and back. Knows nothing of layers.

`tree` are the nodes. On the way in, `lines` takes the text apart, `parse` shows it to the grammar,
`terminals` and `build` make nodes, `explain` and `characters` say what is wrong. On the way out,
`write` makes rows, `inline` what stands on them, `layout` puts comments and blank lines between.
"""
