"""Optimisers: from a parameter, its gradient and its state to their next values.

Each is a kernel over flat vectors plus a few numbers computed anew for each step. The definitions
are torch's, whose papers' conventions differ in places; states start at zero.

Adam's and RMSprop's averages are kept without their factor 1 − β, m/(1 − β) in place of m, which
saves a pass over memory each; the factor goes into the numbers of the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar

import onnx_ir as ir
from pydantic import Field

from cnndsl.training.kernels import Kernel

Share = Annotated[float, Field(ge=0, lt=1)]
"""What is kept of a running mean in a step."""

Epsilon = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Optimiser(ABC):
    """`weight_decay` is λ of torch: for `adamw` (and `decoupled`) weights shrink by lr·λ a step,
    apart from the gradient (Loshchilov, Hutter 2019, arXiv:1711.05101); else λ·w joins it.
    """

    word: ClassVar[str]
    decoupled: ClassVar[bool] = False
    weight_decay: Decay = 0.0

    @property
    @abstractmethod
    def states(self) -> tuple[str, ...]:
        """The names of what it keeps for each parameter."""

    @abstractmethod
    def step(self, kernel: Kernel, parameter: ir.Value, gradient: ir.Value) -> ir.Value:
        """What is subtracted from the parameter; sets the states' next values."""

    def numbers(self, rate: float, decay: float, step: int) -> Mapping[str, float]:
        """The kernel's scalars for a learning rate, a weight decay and a step counted from 1."""
        decayed = {"keep": 1 - rate * decay} if self.decoupled else {"decay": decay}
        return {"rate": rate} | (decayed if self.weight_decay else {})

    def kernel(self, scaled: bool = False) -> Kernel:
        """The whole update; with `scaled`, gradients are first multiplied by the scalar `scale`."""
        kernel = Kernel(self.word)
        parameter, gradient = kernel.vector("parameter"), kernel.vector("gradient")
        if scaled:
            gradient = kernel.op("Mul", gradient, kernel.scalar("scale"))
        if self.weight_decay and not self.decoupled:
            decayed = kernel.op("Mul", parameter, kernel.scalar("decay"))
            gradient = kernel.op("Add", gradient, decayed)
        change = self.step(kernel, parameter, gradient)
        if self.weight_decay and self.decoupled:
            parameter = kernel.op("Mul", parameter, kernel.scalar("keep"))
        kernel.becomes("parameter", kernel.op("Sub", parameter, change))
        return kernel


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimiser):
    """Gradient descent with heavy-ball or Nesterov's momentum (Sutskever et al. 2013)."""

    word: ClassVar[str] = "sgd"
    momentum: Share = 0.9
    nesterov: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def step(self, kernel: Kernel, parameter: ir.Value, gradient: ir.Value) -> ir.Value:
        direction = gradient
        if self.momentum:
            old = kernel.vector("momentum")
            velocity = kernel.op("Add", kernel.op("Mul", old, self.momentum), gradient)
            kernel.becomes("momentum", velocity)
            direction = velocity
            if self.nesterov:
                ahead = kernel.op("Mul", velocity, self.momentum)
                direction = kernel.op("Add", gradient, ahead)
        return kernel.op("Mul", direction, kernel.scalar("rate"))


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimiser):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan, Singer 2011)."""

    word: ClassVar[str] = "adagrad"
    epsilon: Epsilon = 1e-10

    @property
    def states(self) -> tuple[str, ...]:
        return ("squares",)

    def step(self, kernel: Kernel, parameter: ir.Value, gradient: ir.Value) -> ir.Value:
        square = kernel.op("Mul", gradient, gradient)
        total = kernel.op("Add", kernel.vector("squares"), square)
        kernel.becomes("squares", total)
        root = kernel.op("Add", kernel.op("Sqrt", total), self.epsilon)
        return kernel.op("Mul", kernel.op("Div", gradient, root), kernel.scalar("rate"))


@dataclass(frozen=True, kw_only=True)
class Rmsprop(Optimiser):
    """Steps divided by the root of a running mean of squared gradients (Tieleman, Hinton 2012)."""

    word: ClassVar[str] = "rmsprop"
    smoothing: Share = 0.99
    momentum: Share = 0.0
    epsilon: Epsilon = 1e-8

    @property
    def states(self) -> tuple[str, ...]:
        return ("squares", "momentum") if self.momentum else ("squares",)

    def step(self, kernel: Kernel, parameter: ir.Value, gradient: ir.Value) -> ir.Value:
        change = _normalised(kernel, gradient, gradient, self.smoothing)
        if self.momentum:
            old = kernel.op("Mul", kernel.vector("momentum"), self.momentum)
            change = kernel.op("Add", old, change)
            kernel.becomes("momentum", change)
        return kernel.op("Mul", change, kernel.scalar("rate"))

    def numbers(self, rate: float, decay: float, step: int) -> Mapping[str, float]:
        # What goes by the root of the average kept without its factor is too large by a constant.
        root = sqrt(1 - self.smoothing)
        common = super().numbers(rate, decay, step)
        return {**common, "rate": rate / root, "epsilon": self.epsilon / root}


@dataclass(frozen=True, kw_only=True)
class Adam(Optimiser):
    """Running means of gradients and their squares, both freed of their start at zero (Kingma, Ba
    2015, arXiv:1412.6980).
    """

    word: ClassVar[str] = "adam"
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Epsilon = 1e-8

    @property
    def states(self) -> tuple[str, ...]:
        return ("mean", "squares")

    def step(self, kernel: Kernel, parameter: ir.Value, gradient: ir.Value) -> ir.Value:
        old = kernel.op("Mul", kernel.vector("mean"), self.beta1)
        mean = kernel.op("Add", old, gradient)
        kernel.becomes("mean", mean)
        change = _normalised(kernel, mean, gradient, self.beta2)
        return kernel.op("Mul", change, kernel.scalar("rate"))

    def numbers(self, rate: float, decay: float, step: int) -> Mapping[str, float]:
        root = sqrt((1 - self.beta2) / (1 - self.beta2**step))
        mean = (1 - self.beta1) / (1 - self.beta1**step)
        common = super().numbers(rate, decay, step)
        return {**common, "rate": rate * mean / root, "epsilon": self.epsilon / root}


@dataclass(frozen=True, kw_only=True)
class Adamw(Adam):
    """Adam with decoupled weight decay."""

    word: ClassVar[str] = "adamw"
    decoupled: ClassVar[bool] = True
    weight_decay: Decay = 0.01


OPTIMISERS: dict[str, type[Optimiser]] = {
    kind.word: kind for kind in (Sgd, Adagrad, Rmsprop, Adam, Adamw)
}


def _normalised(kernel: Kernel, value: ir.Value, gradient: ir.Value, beta: float) -> ir.Value:
    """`value / (√squares + ε)`, where `squares` becomes `β·squares + gradient²`."""
    old = kernel.op("Mul", kernel.vector("squares"), beta)
    squares = kernel.op("Add", old, kernel.op("Mul", gradient, gradient))
    kernel.becomes("squares", squares)
    root = kernel.op("Add", kernel.op("Sqrt", squares), kernel.scalar("epsilon"))
    return kernel.op("Div", value, root)
