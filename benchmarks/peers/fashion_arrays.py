"""Write Fashion-MNIST's training pictures as arrays: `… fashion_arrays DATA SEED FILE.npz`.

As `cnndsl train fashion_cnn` shows them to the net: the training split, mean 0 and variance 1.
"""

import sys

import numpy as np

from benchmarks.training_nets import NETS
from cnndsl.data.loader import Loader
from cnndsl.data.opening import open_data
from cnndsl.training.config import Config
from cnndsl.training.networks import adapter_for
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.tasks import make_task

where, seed, path = sys.argv[1:]
config = Config(ModelChoice("fashion_cnn"), DataChoice(where), TrainingChoice(seed=int(seed)))
data = open_data(where, seed=int(seed))
subject, _ = adapter_for("fashion_cnn", data, {}, {})
picture = make_task(config, subject, data).picture
batches = list(Loader(data.train, picture, batch=NETS["fashion_cnn"].batch).epoch())
np.savez(
    path,
    pictures=np.concatenate([b.images for b in batches]),
    classes=np.concatenate([b.targets for b in batches]),
)
