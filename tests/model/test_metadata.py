"""A model file says what it is; anything else is refused with one sentence."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from model.export import SWAPPED_LIMIT
from model.metadata import ModelFileError, model_id, read_metadata, write_metadata
from model.shipped import shipped_model


def test_shipped_model_says_what_it_is() -> None:
    metadata = read_metadata(shipped_model())
    assert metadata.backbone == "F5C-reading"
    assert metadata.condition == "FEAT_DIFF"
    assert (metadata.clip_length, metadata.fps, metadata.embedding_size) == (64, 25.0, 256)
    assert metadata.validated_for
    assert 0 < metadata.parity_max_difference < SWAPPED_LIMIT
    assert len(metadata.weights_sha256) == 64


def test_model_id_is_the_hash_of_the_file() -> None:
    assert model_id(shipped_model()) == hashlib.sha256(shipped_model().read_bytes()).hexdigest()


def test_metadata_survive_writing_and_reading(tmp_path: Path) -> None:
    proto = onnx.load(shipped_model())
    metadata = read_metadata(shipped_model())
    write_metadata(proto, metadata)
    onnx.save(proto, tmp_path / "again.onnx")
    assert read_metadata(tmp_path / "again.onnx") == metadata


def refusal(path: Path) -> str:
    """The sentence with which the file is refused; it names the file."""
    with pytest.raises(ModelFileError) as caught:
        read_metadata(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"", b"not a model\n", b"PK\x03\x04" + bytes(50), b"\x08\x07" * 40])
def test_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert "not an ONNX model" in refusal(path)


def test_truncated_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(shipped_model().read_bytes()[:-1000])
    assert "driverprint export" in refusal(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "absent.onnx")
    assert "cannot be read" in refusal(tmp_path)
    with pytest.raises(ModelFileError):
        model_id(tmp_path / "absent.onnx")


def test_foreign_onnx_model_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
    onnx.save(helper.make_model(graph), tmp_path / "relu.onnx")
    assert "not a driverprint model" in refusal(tmp_path / "relu.onnx")


def test_missing_and_unusable_metadata_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for change, word in (
        ("drop", "lack `validated_for`"),
        ("{", "`validated_for`"),
        ("3", "`validated_for`"),
    ):
        proto = onnx.load(shipped_model())
        (entry,) = [p for p in proto.metadata_props if p.key == "driverprint.validated_for"]
        if change == "drop":
            proto.metadata_props.remove(entry)
        else:
            entry.value = change
        onnx.save(proto, path)
        assert word in refusal(path)


def test_metadata_that_contradict_the_graph_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    proto = onnx.load(shipped_model())
    (entry,) = [p for p in proto.metadata_props if p.key == "driverprint.clip_length"]
    entry.value = "32"
    onnx.save(proto, path)
    assert "does not fit" in refusal(path)


def test_reading_a_model_and_the_protocol_need_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import model.protocol\n"
        "from model.metadata import read_metadata\n"
        "from model.shipped import shipped_model\n"
        "read_metadata(shipped_model())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
