"""Convolutions' products form by form: predicted and measured times, and torch's, layer by layer.

    python -m benchmarks.convolution_algorithms [--threads N] [--seconds S] [--each] [PATTERN ...]

For each layer whose name fits a pattern (all by default): the combination that the cost model
chooses, the fastest of the first few measured, the plain operators (Conv, ConvTranspose, a Conv of
Convs), and torch, all in turn in one process, medians in ms. With --each, every form of every
product by itself beside its prediction: what the constants of cnndsl/autodiff/costs.py are judged
by. Layers are those of the training benchmarks' nets, batch 64 for the first four, else 32.
"""

import argparse
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from statistics import median
from time import perf_counter, thread_time

from cnndsl.autodiff.algorithms.choose import Choice, Planner, Product
from cnndsl.autodiff.algorithms.geometry import Axis, Convolution
from cnndsl.autodiff.autotune import candidate_model
from cnndsl.runtime.timing import runner

PLAIN: dict[Product, str] = {
    "fprop": "direct",
    "dgrad": "transposed",
    "wgrad": "convolved",
}
FIRST = 4


def layer(
    channels: int,
    filters: int,
    size: int,
    kernel: int,
    stride: int = 1,
    group: int = 1,
    pad: int | None = None,
    batch: int = 32,
) -> Convolution:
    """A square convolution, padded by half its window."""
    pad = kernel // 2 if pad is None else pad
    output = (size + 2 * pad - kernel) // stride + 1
    axis = Axis(size, kernel, stride, 1, pad, output)
    return Convolution(batch, channels, filters, group, (axis, axis))


LAYERS = {
    "fashion_cnn 1": layer(1, 16, 28, 5, batch=64),
    "fashion_cnn 2": layer(16, 32, 14, 5, batch=64),
    "lenet5 1": layer(1, 6, 28, 5, batch=64),
    "lenet5 2": layer(6, 16, 14, 5, pad=0, batch=64),
    "resnet18 stem": layer(3, 64, 64, 7, 2),
    "resnet18 64@16": layer(64, 64, 16, 3),
    "resnet18 64-128 s2": layer(64, 128, 16, 3, 2),
    "resnet18 64-128 1x1 s2": layer(64, 128, 16, 1, 2),
    "resnet18 128@8": layer(128, 128, 8, 3),
    "resnet18 128-256 s2": layer(128, 256, 8, 3, 2),
    "resnet18 256@4": layer(256, 256, 4, 3),
    "resnet18 256-512 s2": layer(256, 512, 4, 3, 2),
    "resnet18 512@2": layer(512, 512, 2, 3),
    "vgg11 1": layer(3, 64, 64, 3),
    "vgg11 2": layer(64, 128, 32, 3),
    "vgg11 3": layer(128, 256, 16, 3),
    "vgg11 4": layer(256, 256, 16, 3),
    "vgg11 5": layer(256, 512, 8, 3),
    "vgg11 6": layer(512, 512, 8, 3),
    "vgg11 7": layer(512, 512, 4, 3),
    "googlenet stem": layer(3, 64, 96, 7, 2),
    "googlenet 1x1 64@24": layer(64, 64, 24, 1),
    "googlenet 3x3 64-192@24": layer(64, 192, 24, 3),
    "googlenet 3x3 96-128@12": layer(96, 128, 12, 3),
    "googlenet 5x5 16-32@12": layer(16, 32, 12, 5),
    "googlenet 1x1 256-128@12": layer(256, 128, 12, 1),
    "googlenet 3x3 112-224@6": layer(112, 224, 6, 3),
    "googlenet 5x5 32-128@6": layer(32, 128, 6, 5),
    "googlenet 1x1 512-160@6": layer(512, 160, 6, 1),
    "googlenet 3x3 192-384@3": layer(192, 384, 3, 3),
    "googlenet 1x1 832-384@3": layer(832, 384, 3, 1),
    "mobilenet stem": layer(3, 32, 96, 3, 2),
    "mobilenet 1x1 16-96@48": layer(16, 96, 48, 1),
    "mobilenet 1x1 144-24@24": layer(144, 24, 24, 1),
    "mobilenet 1x1 32-192@12": layer(32, 192, 12, 1),
    "mobilenet 1x1 96-576@6": layer(96, 576, 6, 1),
    "mobilenet 1x1 960-160@3": layer(960, 160, 3, 1),
    "mobilenet dw 32@48": layer(32, 32, 48, 3, group=32),
    "mobilenet dw 96@48 s2": layer(96, 96, 48, 3, 2, group=96),
    "mobilenet dw 144@24": layer(144, 144, 24, 3, group=144),
    "mobilenet dw 144@24 s2": layer(144, 144, 24, 3, 2, group=144),
    "mobilenet dw 192@12": layer(192, 192, 12, 3, group=192),
    "mobilenet dw 384@6": layer(384, 384, 6, 3, group=384),
    "mobilenet dw 960@3": layer(960, 960, 3, 3, group=960),
}


def torch_step(c: Convolution, wanted: Sequence[Product], threads: int) -> Callable[[], object]:
    """The same products by torch: forward, and as much of backward as is wanted."""
    import torch

    torch.set_num_threads(threads)
    x, w, dy = (torch.randn(shape) for shape in (c.x_shape, c.w_shape, c.y_shape))
    pads = [a.before for a in c.axes]
    mask = ["dgrad" in wanted, "wgrad" in wanted, False]
    rest = (list(c.strides), pads, list(c.dilations), False, [0, 0], c.group)

    def step() -> None:
        if "fprop" in wanted:
            torch.ops.aten.convolution(x, w, None, *rest)
        if any(mask):
            torch.ops.aten.convolution_backward(dy, x, w, None, *rest, mask)

    return step


def times(runs: Sequence[Callable[[], object]], threads: int, seconds: float) -> list[float]:
    """Medians in ms, run in turn; of one thread the time that it works."""
    clock = thread_time if threads == 1 else perf_counter
    for run in runs:
        run()
    found: list[list[float]] = [[] for _ in runs]
    end = perf_counter() + seconds
    while perf_counter() < end or len(found[0]) < 5:
        for run, own in zip(runs, found, strict=True):
            start = clock()
            run()
            own.append(1e3 * (clock() - start))
    return [median(own) for own in found]


def short(choice: Choice) -> str:
    """A combination's algorithms in a few letters."""
    return " · ".join(choice.values())


def compare(name: str, c: Convolution, threads: int, seconds: float) -> None:
    """One row: the layer as a whole."""
    wanted: list[Product] = ["fprop", "dgrad", "wgrad"] if c.channels > 3 else ["fprop", "wgrad"]
    ranked = Planner(threads=threads).ranking(c, wanted)
    choices = [choice for _, choice in ranked[:FIRST]]
    runs = [runner(candidate_model(c, choice), threads) for choice in choices]
    runs.append(runner(candidate_model(c, {p: PLAIN[p] for p in wanted}), threads))
    runs.append(torch_step(c, wanted, threads))
    *ours, plain, torch = times(runs, threads, seconds)
    best = min(range(len(ours)), key=ours.__getitem__)
    print(
        f"| {name} | {short(choices[0])} | {ranked[0][0]:.2f} | {ours[0]:.2f} | "
        f"{short(choices[best]) if best else 'the same'} | {ours[best]:.2f} | {plain:.2f} | "
        f"{torch:.2f} | {ours[0] / torch:.2f} |",
        flush=True,
    )


def each(name: str, c: Convolution, threads: int, seconds: float) -> None:
    """A row for every form of every product."""
    planner = Planner(threads=threads)
    for product in ("fprop", "dgrad", "wgrad"):
        if product == "dgrad" and c.channels <= 3:
            continue
        ranked = planner.ranking(c, [product])
        runs = [runner(candidate_model(c, choice), threads) for _, choice in ranked]
        *ours, torch = times([*runs, torch_step(c, [product], threads)], threads, seconds)
        for (predicted, choice), measured in zip(ranked, ours, strict=True):
            print(
                f"| {name} | {product} | {choice[product]} | {predicted:.2f} | {measured:.2f} | "
                f"{torch:.2f} |",
                flush=True,
            )


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN")
    given = parser.parse_args()
    if given.each:
        print("| layer | product | form | predicted | measured | torch |")
        print("|---|---|---|---:|---:|---:|")
    else:
        print("| layer | chosen | predicted | measured | best | ms | plain | torch | ratio |")
        print("|---|---|---:|---:|---|---:|---:|---:|---:|")
    for name, c in LAYERS.items():
        if any(fnmatch(name, pattern) for pattern in given.patterns):
            (each if given.each else compare)(name, c, given.threads, given.seconds)


if __name__ == "__main__":
    main()
