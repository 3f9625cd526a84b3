"""An ONNX model as a spec with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnndsl.diagnostics import UsageError
from cnndsl.importing.draft import Draft, Float
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.specs import without_collections
from cnndsl.weights.mapping.mapping import Entry
from cnndsl.weights.mapping.mapping import Mapping as WeightMapping
from cnndsl.weights.tensors import TensorFile


@dataclass(frozen=True, slots=True)
class Imported:
    """A net that was read from a model.

    `text` is its spec, `network` what that text means, `values` the parameters under the network's
    names (as `cnndsl compile --weights` takes them). `preprocessing` and `labels` are None where
    the model says nothing of them; `notes` are sentences about what differs from the model.
    """

    text: str
    network: Network
    values: dict[str, Float]
    preprocessing: Preprocessing | None
    labels: tuple[str, ...] | None
    notes: tuple[str, ...]

    def weights(self, path: Path) -> WeightMapping:
        """The values as those of a file of weights, all in their places."""
        file = TensorFile(path, "ONNX", {}, self.preprocessing, self.labels)
        entries = [
            Entry("exact", name, values.shape, values=lambda values=values: values)
            for name, values in self.values.items()
        ]
        return WeightMapping(file, tuple(entries))


@without_collections()
def import_model(path: Path, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Imported:
    """Read an ONNX model as a net of the language.

    `input_shapes` are sizes for inputs that leave them open, without the batch, channels first, by
    the input's name ("" for whichever). The net and the model are run on random inputs and
    compared, where ONNX Runtime is installed. Raises UsageError where the file is no ONNX model or
    a damaged one, where it is quantised, where it has an operator that no layer stands for, and
    where the two differ.
    """
    from cnndsl.importing.drafting import draft_of, open_sizes
    from cnndsl.importing.lengths import find_lengths
    from cnndsl.importing.opening import draft_of_some_size, drafts_of_any_size
    from cnndsl.importing.patterns import find_activations
    from cnndsl.importing.reading import Model, read_graph
    from cnndsl.importing.repeats import leave_out_repeats
    from cnndsl.importing.simplifying import by_factors, simplify
    from cnndsl.importing.spelling import Spelled, spell
    from cnndsl.importing.structure import join_sums, nest_concats
    from cnndsl.importing.tying import tie_weights
    from cnndsl.importing.verifying import Verdict, verify
    from cnndsl.importing.written_functions import with_functions
    from cnndsl.importing.written_norms import with_norms
    from cnndsl.weights.metadata import labels_in_metadata, preprocessing_in_metadata

    original = read_graph(path)

    def read(model: Model, sizes: bool = False) -> Draft:
        draft = draft_of(model, input_shapes)
        leave_out_repeats(draft)
        find_activations(draft)
        simplify(draft)
        find_lengths(draft)
        if not sizes:
            by_factors(draft)
        join_sums(draft)
        nest_concats(draft)
        tie_weights(draft, model.constants)
        return draft

    def verified(draft: Draft) -> tuple[Draft, Spelled, Verdict]:
        spelled = spell(draft, path.stem)
        return draft, spelled, verify(original, draft, *spelled[1:])

    try:
        model = with_functions(with_norms(original))
        opens = not input_shapes and open_sizes(model)
        tries = map(verified, drafts_of_any_size(model, read)) if opens else ()
        found = next((found for found in tries if not found[2].differs), None)
        if found is None:
            found = verified(draft_of_some_size(model, read) if opens else read(model))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as e:
        raise UsageError(f"`{path}` holds layers that don't fit together: {e}") from e
    draft, (text, network, values), verdict = found
    if verdict.unsteady:
        raise UsageError(
            f"no spec of `{path}` is written: what it computes depends on how numbers are rounded, "
            f"so that nothing computes the same ({verdict.differs})"
        )
    if verdict.differs:
        raise UsageError(
            f"`{path}` was read, but the spec computes something else ({verdict.differs}), so none "
            f"is written. That is a fault of cnndsl's import: please report it with the model"
        )
    notes = [*model.notes, *draft.notes]
    if verdict.skipped:
        notes.append(f"the spec was not compared with the model: {verdict.skipped}")
    try:
        preprocessing = preprocessing_in_metadata(model.metadata)
    except ValueError as e:
        raise UsageError(f"in the metadata of `{path}`: {e}") from None
    labels = labels_in_metadata(model.metadata)
    classes = network.shapes[network.outputs[0]].channels
    return Imported(
        text,
        network,
        values,
        preprocessing,
        labels if labels and len(labels) == classes else None,
        tuple(notes),
    )


__all__ = ["Imported", "import_model"]
