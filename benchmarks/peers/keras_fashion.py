"""Train the Fashion-MNIST net in Keras: `… keras_fashion ARRAYS.npz EPOCHS THREADS`.

The arrays are those of `fashion_arrays`; Keras' backend is that of its environment. Net, batch and
optimiser are those of `cnndsl train fashion_cnn`. Prints JSON: seconds of each epoch.
"""

import json
import sys
import time
from typing import Any

import keras
import numpy as np
from keras import layers

BATCH, LEARNING_RATE, WEIGHT_DECAY = 64, 0.005, 0.05


def set_threads(threads: int) -> None:
    """Those of the backend."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    else:
        import torch

        torch.set_num_threads(threads)


def net() -> keras.Model:
    """The net of zoo/fashion_cnn.cnn."""
    stages = [
        layer
        for filters in (16, 32)
        for layer in (
            layers.Conv2D(filters, 5, padding="same"),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.ReLU(),
            layers.MaxPooling2D(2),
        )
    ]
    return keras.Sequential(
        [layers.Input((28, 28, 1)), *stages, layers.Flatten(), layers.Dense(10)]
    )


class Clock(keras.callbacks.Callback):
    """Notes how long the epochs take."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def main(path: str, epochs: int, threads: int) -> None:
    """Train; the last batch of an epoch is a full one, as cnndsl has it."""
    set_threads(threads)
    arrays, clock, model = np.load(path), Clock(), net()
    whole = len(arrays["classes"]) // BATCH * BATCH
    model.compile(
        keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    pictures = np.moveaxis(arrays["pictures"][:whole], 1, -1)
    model.fit(
        np.ascontiguousarray(pictures),
        arrays["classes"][:whole],
        batch_size=BATCH,
        epochs=epochs,
        callbacks=[clock],
        verbose=0,
    )
    print(json.dumps({"seconds": clock.seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
