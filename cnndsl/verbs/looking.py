"""The verb `look`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnndsl.diagnostics import UsageError

if TYPE_CHECKING:
    from cnndsl.looking.heat import Progress
    from cnndsl.looking.subject import Subject
    from cnndsl.looking.view import View
    from cnndsl.network import Network
    from cnndsl.preprocessing import Preprocessing

Show = Literal["cam", "saliency", "guided", "occlusion", "maps", "kernels", "best"]


_TAKEN: Mapping[Show, set[str]] = {
    "cam": {"PICTURE", "--at", "--class"},
    "saliency": {"PICTURE", "--class"},
    "guided": {"PICTURE", "--class"},
    "occlusion": {"PICTURE", "--class", "--patch"},
    "maps": {"PICTURE", "--at", "--channel"},
    "kernels": {"--at"},
    "best": {"PICTURE", "--at", "--channel"},
}
"""What each shows is asked for with."""


def look(
    model: str | Path | Network,
    pictures: str | Path | Sequence[str | Path] = (),
    show: Show = "cam",
    *,
    at: str | None = None,
    of: int | str | Sequence[int | str] = (),
    channels: Sequence[int] = (),
    patch: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    size: tuple[int, int] | None = None,
    labels: Sequence[str] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> View:
    """Look inside a net: heat maps over pictures, maps, kernels, what excites a channel.

    `model` is an .onnx file, a run's folder, or a spec with `weights` as for `compile`; `pictures`
    are files or folders. `show` says what is to be seen: "cam" (Grad-CAM at the layer `at`, by
    default the last with maps), "saliency", "guided" or "occlusion" (by patches of `patch` pixels)
    of the classes `of`, numbers or names, by default the best one; "maps" and "kernels" of a layer;
    "best", the pictures that excite a channel most. What comes back has `pixels`, `lines`,
    `values`, and can be saved as a PNG. Raises UsageError, SpecError.
    """
    from cnndsl.looking.subject import open_subject
    from cnndsl.network import Network
    from cnndsl.runtime.model import is_spec
    from cnndsl.specs import load
    from cnndsl.training.folder import of_run
    from cnndsl.weights import load as load_weights

    if not isinstance(model, Network):
        model, weights = of_run(model, weights)
        if is_spec(model):
            model = load(model)[0]
        elif weights is not None:
            raise UsageError(f"`{model}` has weights of its own, so it takes no others")
    loaded = None
    if weights is not None and isinstance(model, Network):
        loaded = load_weights(model, weights)
    paths = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    wanted = [of] if isinstance(of, int | str) else list(of)
    with open_subject(model, weights=loaded, seed=seed, threads=threads, device=device) as subject:
        subject = replace(subject, how=preprocessing, size=size, labels=labels or subject.labels)
        return view(subject, paths, show, at, wanted, channels, patch)


def view(
    subject: Subject,
    pictures: Sequence[str | Path],
    show: Show,
    at: str | None = None,
    of: Sequence[int | str] = (),
    channels: Sequence[int] = (),
    patch: int | None = None,
    progress: Progress | None = None,
) -> View:
    """The same of a net that is open. Raises UsageError."""
    from cnndsl.looking import heat, maps

    given = {
        "--at": at,
        "--class": of,
        "--channel": channels,
        "--patch": patch,
        "PICTURE": pictures,
    }
    for option, value in given.items():
        if value not in (None, (), []) and option not in _TAKEN[show]:
            raise UsageError(f"{option} has no meaning for `{show}`")
    if show == "occlusion":
        return heat.occlusion_view(subject, pictures, of=of, patch=patch, progress=progress)
    if show == "kernels":
        return maps.kernels_view(subject, at)
    if show not in ("maps", "best"):
        return heat.attribution_view(subject, pictures, show, at=at, of=of, progress=progress)
    if at is None:
        raise UsageError(f"`{show}` is of a layer: name it by --at")
    if show == "maps":
        if len(pictures) != 1:
            raise UsageError("maps are shown of one picture at a time")
        return maps.maps_view(subject, pictures[0], at, channels)
    if len(channels) != 1:
        raise UsageError("the best pictures are those of one channel: name it by --channel")
    return maps.exciting_view(subject, pictures, at, channels[0], progress)
