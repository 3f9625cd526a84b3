"""Steps of PyTorch in eager mode: `… torch_steps NET THREADS`; `steps` says what it answers.

The update is AdamW's fused form, the fastest that PyTorch has; by default it goes over every
parameter a dozen times.
"""

import sys

import torch

from benchmarks.peers.steps import serve
from benchmarks.peers.torch_nets import loss, net
from benchmarks.training_nets import LEARNING_RATE, NETS, WEIGHT_DECAY


def main(name: str, threads: int) -> None:
    """Build the net, and train it on demand, on the same random batch again and again."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    trained, model = NETS[name], net(name)
    pictures = torch.randn(trained.pictures)
    classes = torch.randint(0, trained.classes, (trained.batch,))
    model(pictures)  # which tells lazy layers their sizes
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        result = loss(model(pictures), classes)
        result.backward()
        optimiser.step()
        return result.item()

    serve(step)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
