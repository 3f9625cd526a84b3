"""What a user may write: python user_script.py PICTURE [pandas], in an empty folder."""

import sys
from pathlib import Path

import numpy as np

import cnndsl
from cnndsl.training.callbacks import EpochEnd, RunBegin, RunEnd, StepEnd

SPEC = """cnndsl 1
net Small(classes=4)
input image 1@8x8
conv 3x3 8 p1 bn relu -> pool 2x2 s2
logits: fc classes
output logits
"""


class Watch(cnndsl.Callback):
    """Stops as soon as it is good enough."""

    def __init__(self, enough: float) -> None:
        self.enough = enough
        self.losses: list[float] = []

    def on_begin(self, begin: RunBegin) -> None:
        self.folder: Path = begin.run

    def on_step(self, step: StepEnd) -> None:
        self.losses.append(step.loss)

    def on_epoch(self, epoch: EpochEnd) -> bool:
        return epoch.metrics["train_loss"] < self.enough

    def on_end(self, end: RunEnd) -> None:
        assert end.signal is None, end.run


network = cnndsl.parse(SPEC, settings={"classes": 4})
analysis = cnndsl.analyse(network)
report: str = str(analysis)
if "pandas" in sys.argv:
    print(analysis.to_pandas().head())

emitted = cnndsl.compile(network, "small.onnx", seed=1, labels=["a", "b", "c", "d"])
results = cnndsl.run(emitted.path, np.zeros((2, 1, 8, 8), np.float32))
best: list[int] = results["logits"].argmax(axis=1).tolist()
for picture in sys.argv[1:2]:
    print(report, best, cnndsl.run("small.onnx", picture).sources)
    print(cnndsl.run(emitted.path, [Path(picture)]).outputs.keys())

Path("small.cnn").write_text(SPEC)
images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
classes = np.arange(80) % 4
watch = Watch(enough=10.0)
outcome = cnndsl.train(
    "small.cnn",
    {"train": (images, classes), "val": (images[:8], classes[:8])},
    epochs=2,
    batch=16,
    optimiser="sgd nesterov=yes",
    learning_rates={"conv*": 0.5},
    settings={"classes": 4},
    quiet=True,
    callbacks=[watch],
)
outcome = cnndsl.resume(outcome.folder, quiet=True, callbacks=[Watch(0.0)])
outcome = cnndsl.transfer(outcome.folder, (images, classes), strategy="last", epochs=1, quiet=True)
accuracy: float | None = outcome.accuracy
for record in cnndsl.runs("runs"):
    score: float | None = record.score
    print(record.name, record.net, record.seconds, len(record.epochs), score)
print(cnndsl.runs().sorted_by("score")[0].folder.path)
print(outcome.folder, accuracy, len(watch.losses))
