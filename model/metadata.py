"""What a model file says about itself, and how to tell one of ours from any other file.

A model is one ONNX file: uint8 clips ``[B, T, 128, 128]`` in, unit embeddings ``[B, 256]`` out. Its
``metadata_props`` carry one JSON value for each field of :class:`ModelMetadata`, under
``driverprint.<field>``. Nothing here needs torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import onnx

EMBEDDING_SIZE: Final = 256
FRAME_SIDE: Final = 128
INPUT_NAME: Final = "clips"
OUTPUT_NAME: Final = "embeddings"

_PREFIX: Final = "driverprint."


class ModelFileError(ValueError):
    """A file cannot serve as model: one sentence that names the file and the remedy."""


@dataclass(frozen=True)
class ModelMetadata:
    """The claims a model file makes about itself.

    ``weights_sha256`` covers names, shapes and values of all weights; ``corpus`` identifies what the
    model was trained on; ``validated_for`` says in words what its results may be used for;
    ``parity_max_difference`` is the largest difference to torch, element by element, seen at export.
    ``validation`` holds figures by name (AUC, interval, counts), and under ``conditions`` those they were
    found under, in the form that :mod:`model.validated_under` reads; ``calibration``, where fitted, the
    numbers that turn a score into a log10 likelihood ratio (see :mod:`model.calibration`).
    """

    model_name: str
    backbone: str
    condition: str
    clip_length: int
    fps: float
    embedding_size: int
    weights_sha256: str
    corpus: str
    code_version: str
    validated_for: str
    parity_max_difference: float
    validation: dict[str, Any]
    calibration: dict[str, Any] | None


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "model_name": (str,),
    "backbone": (str,),
    "condition": (str,),
    "clip_length": (int,),
    "fps": (int, float),
    "embedding_size": (int,),
    "weights_sha256": (str,),
    "corpus": (str,),
    "code_version": (str,),
    "validated_for": (str,),
    "parity_max_difference": (int, float),
    "validation": (dict,),
    "calibration": (dict, type(None)),
}


def write_metadata(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Set the model's ``metadata_props`` to exactly this metadata, in place, in a fixed order."""
    del model.metadata_props[:]
    for field in dataclasses.fields(metadata):
        value = getattr(metadata, field.name)
        entry = model.metadata_props.add()
        entry.key = _PREFIX + field.name
        entry.value = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def read_metadata(path: Path) -> ModelMetadata:
    """Read the metadata of a model file.

    Raises ModelFileError when the file is missing, is not ONNX, or is not a complete model of ours.
    """
    model = _load(path)
    stored = {prop.key: prop.value for prop in model.metadata_props}
    if not any(key.startswith(_PREFIX) for key in stored):
        raise ModelFileError(
            f"{path}: is an ONNX file but not a driverprint model; give one written by `driverprint export`."
        )
    values: dict[str, Any] = {}
    for name, kinds in _TYPES.items():
        if _PREFIX + name not in stored:
            raise ModelFileError(
                f"{path}: its metadata lack `{name}`; export the model again with `driverprint export`."
            )
        values[name] = _parse(path, name, stored[_PREFIX + name], kinds)
    metadata = ModelMetadata(**values)
    _check_graph(path, model, metadata)
    return metadata


def model_id(path: Path) -> str:
    """SHA-256 of the model file, hex: the identity under which its results are stored."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise _unreadable(path, error) from None
    except Exception:  # the parser's own exception class belongs to protobuf; any failure means the same
        model = onnx.ModelProto()
    if not model.graph.node:
        raise ModelFileError(
            f"{path}: is not an ONNX model, or is damaged; give a model file written by `driverprint export`."
        )
    return model


def _unreadable(path: Path, error: OSError) -> ModelFileError:
    return ModelFileError(
        f"{path}: cannot be read ({error.strerror or error}); check the path and its permissions."
    )


def _parse(path: Path, name: str, text: str, kinds: tuple[type, ...]) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = ...
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ModelFileError(
            f"{path}: its metadata field `{name}` is unusable; "
            "export the model again with `driverprint export`."
        )
    return value


def _check_graph(path: Path, model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """The graph must take and give what the metadata promise."""
    wanted_in = (onnx.TensorProto.UINT8, [metadata.clip_length, FRAME_SIDE, FRAME_SIDE])
    wanted_out = (onnx.TensorProto.FLOAT, [metadata.embedding_size])
    for values, name, wanted in (
        (model.graph.input, INPUT_NAME, wanted_in),
        (model.graph.output, OUTPUT_NAME, wanted_out),
    ):
        found = [
            (value.type.tensor_type.elem_type, [d.dim_value for d in value.type.tensor_type.shape.dim][1:])
            for value in values
            if value.name == name
        ]
        if found != [wanted] or len(values) != 1:
            raise ModelFileError(
                f"{path}: its graph does not fit its metadata at `{name}`; "
                "export the model again with `driverprint export`."
            )
