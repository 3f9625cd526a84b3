"""What a layer of a net gets when the net is shown a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.files import read_model
from cnndsl.looking.subject import open_subject
from cnndsl.looking.view import Array
from cnndsl.lower import lower
from cnndsl.network import Network, Step
from cnndsl.surgery.models import add_outputs
from cnndsl.weights import Mapping as WeightMapping


def layer_inputs(
    network: Network, step: Step, picture: Path, weights: WeightMapping | None
) -> tuple[Array, ...]:
    """Each input of a layer as C×space; the picture is prepared as the weights say, else as usual.

    Raises UsageError.
    """
    own = {i.name for i in network.inputs}
    if weights is None and not set(step.inputs) <= own:
        raise UsageError(
            f"what `{step.name}` gets of a picture depends on the layers before it, and these have "
            f"no weights: name some by --weights"
        )
    if any(not i.shape.is_concrete for i in network.inputs):
        raise UsageError(f"`{network.name}` takes pictures of any size; give --input instead")
    lowered = lower(network)
    names = [str(lowered.values[name].name) for name in step.inputs]
    with open_subject(network, weights=weights) as subject:
        (path,) = subject.paths([picture])
        x = subject.read(path)[0][None]
        feeds = {subject.picture.name: x}
        made = read_model(subject.path)
        add_outputs(made, {*names} - {*feeds})
        model = subject.opened(made)
        found = {**feeds, **model(feeds, model.choose())}
    return tuple(np.asarray(found[name][0], np.float64) for name in names)
