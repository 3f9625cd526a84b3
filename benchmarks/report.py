"""(a) `cnndsl report` of ResNet-152 against torchinfo's summary of torchvision's."""

from benchmarks.measure import CNNDSL, pairs, peer
from benchmarks.table import Row, Section

NET = "resnet152"
ROUNDS = 9


def measure() -> Section:
    """Both print a table of all layers with output shapes, parameters and multiply-adds."""
    runs = pairs([CNNDSL, "report", NET], peer("torchinfo_summary", NET), ROUNDS)
    (our_time, their_time), (our_memory, their_memory) = runs.seconds(), runs.peak_mib()
    return Section(
        title=f"Report of {NET}",
        method=f"`cnndsl report {NET}` against a program that prints torchinfo's `summary` of "
        f"torchvision's {NET}. {ROUNDS} pairs.",
        rows=(
            Row("time", f"{our_time:.2f} s", f"{their_time:.2f} s", runs.time_ratio(), 1 / 10),
            Row(
                "peak memory",
                f"{our_memory:.0f} MiB",
                f"{their_memory:.0f} MiB",
                runs.memory_ratio(),
                1 / 8,
            ),
        ),
    )
