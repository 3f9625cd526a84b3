"""Steps of a run's training in cnndsl: `… cnndsl_segmentation RUN THREADS`; in CPU time."""

import sys
import time
from pathlib import Path

from benchmarks.peers.steps import serve
from benchmarks.training_nets import LEARNING_RATE
from cnndsl.training.config import read_config
from cnndsl.training.running import assemble


def main(run: str, threads: int) -> None:
    """Build the step again, and do it on the run's first batch."""
    config = read_config(Path(run) / "config.toml").with_training(threads=threads)
    with assemble(config) as training:
        training.start()
        batch = next(iter(training.feed.epoch(0, 0)))
        numbers = iter(range(sys.maxsize))
        step = training.train_step.step
        serve(lambda: step([batch], LEARNING_RATE, next(numbers))["loss"], time.process_time)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
