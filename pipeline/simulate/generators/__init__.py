"""The generators: each renders a driver's motion on a target's face in its own way, with its own losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipeline.simulate.generators.latent import render_latent
from pipeline.simulate.generators.mesh import render_mesh, render_original
from pipeline.simulate.generators.request import Request, Shot
from pipeline.simulate.generators.tps import render_tps

#: How each name on the command line renders. `original` stands for the recording the others start from.
RENDERERS: Final[dict[str, Callable[[Request], Shot]]] = {
    "mesh": render_mesh,
    "tps": render_tps,
    "latent": render_latent,
    "original": render_original,
}
GENERATORS: Final = ("mesh", "tps", "latent")

__all__ = ["GENERATORS", "RENDERERS", "Request", "Shot"]
