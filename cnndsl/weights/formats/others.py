"""Files that hold weights but aren't read, and what to do with them instead."""

from __future__ import annotations

from cnndsl.weights.tensors import DamagedError

_PICKLE = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))

_STARTS: tuple[tuple[int, tuple[bytes, ...], str], ...] = (
    (
        0,
        _PICKLE,
        "is a pickle, which could run any code while it is read; save its arrays with "
        "numpy.savez or torch.save",
    ),
    (0, (b"\x93NUMPY",), "is a single array; numpy.savez writes several with their names"),
    (4, (b"TFL3",), "is a TFLite model; convert it to ONNX with tf2onnx"),
    (0, (b"PK\3\4",), "is a zip archive, but neither PyTorch's, NumPy's nor Keras'"),
    (0, (b"PK\5\6",), "is an empty zip archive"),
    (0, (b"\x1f\x8b",), "is compressed by gzip; unpack it first"),
    (0, (b"GGUF",), "is a GGUF file of a language model"),
    (257, (b"ustar",), "is a tar archive; if PyTorch wrote it (before 0.2), write it anew with "
     "PyTorch: torch.save(torch.load(OLD, map_location='cpu'), NEW), where you trust it"),
)  # fmt: skip


def refused(start: bytes) -> DamagedError:
    """Why a file with these first bytes isn't read."""
    for offset, marks, reason in _STARTS:
        if start[offset:].startswith(marks):
            return DamagedError(reason)
    return DamagedError(
        "is no file of weights that is known: PyTorch, safetensors, .npz, ONNX or Keras"
    )
