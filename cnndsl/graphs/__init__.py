"""ONNX graphs, whoever made them: read safely, folded, written, tidied.

Nothing here knows the language. `protobuf` walks a file's bytes without building objects, `safety`
looks at a model before it is opened, `files` reads and writes models, `folding` computes what is
known beforehand, `writer` adds nodes, and `tidying` infers shapes and leaves out what is done twice
or for nothing.
"""
