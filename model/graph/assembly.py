"""One graph out of pieces, some of them placed again and again, the weights of each in it once."""

from __future__ import annotations

from collections.abc import Sequence

import onnx


class Assembly:
    """State: the graph as far as it has been put together."""

    def __init__(self, first: onnx.ModelProto) -> None:
        """``first``: the piece whose input will be the whole's, and whose operator set all others share."""
        self._whole = onnx.ModelProto(ir_version=first.ir_version, opset_import=first.opset_import)
        self._whole.graph.input.extend(first.graph.input)
        self._placed: dict[str, int] = {}

    def place(self, name: str, piece: onnx.ModelProto, inputs: Sequence[str]) -> list[str]:
        """Append the nodes of a piece, fed with ``inputs``; the names that its outputs now have.

        ``name`` tells the pieces apart: a piece placed before brings no weights again.
        """
        names = self._append(name, piece, inputs, {})
        return [names[value.name] for value in piece.graph.output]

    def finish(self, name: str, piece: onnx.ModelProto, inputs: Sequence[str]) -> onnx.ModelProto:
        """Append the last piece, whose outputs, by their own names, are the whole's; the whole.

        Raises onnx.checker.ValidationError when it is no valid graph.
        """
        self._append(name, piece, inputs, {value.name: value.name for value in piece.graph.output})
        self._whole.graph.output.extend(piece.graph.output)
        self._whole.graph.name = "assembled"
        onnx.checker.check_model(self._whole)
        return self._whole

    def _append(
        self, name: str, piece: onnx.ModelProto, inputs: Sequence[str], kept: dict[str, str]
    ) -> dict[str, str]:
        """Nodes and weights of a piece under new names but for those ``kept``; each name with its new one."""
        times = self._placed[name] = self._placed.get(name, 0) + 1
        names = kept | dict(zip((value.name for value in piece.graph.input), inputs, strict=True))
        for weight in piece.graph.initializer:
            names[weight.name] = f"{name}/{weight.name}"
            if times == 1:
                self._whole.graph.initializer.add().CopyFrom(weight)
                self._whole.graph.initializer[-1].name = names[weight.name]
        names[""] = ""  # an input or output left out
        for node in piece.graph.node:
            for result in node.output:
                names.setdefault(result, f"{name}/{times}/{result}")
            copy = self._whole.graph.node.add()
            copy.CopyFrom(node)
            copy.name = f"{name}/{times}/{node.name}"
            copy.input[:] = [names[value] for value in node.input]
            copy.output[:] = [names[value] for value in node.output]
        return names
