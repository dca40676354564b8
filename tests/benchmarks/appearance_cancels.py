"""Does the embedding follow the motion, or the face? One motion on two faces against two drivers on one face.

For each case a performance is rendered on two targets by one generator, and a performance of another
driver on the first of the two. The case counts when the two faces with one motion lie nearer to each other
than the two motions on one face. Videos go through the codec and the decoder like any other. Prints the share
per generator; the project asks for 80 % of FEAT_DIFF.

Run: python -m tests.benchmarks.appearance_cancels [MODEL.onnx] [CASES PER GENERATOR]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from model.shipped import shipped_model
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.embed import EmbeddingSession
from pipeline.simulate.clip import render_clip
from pipeline.simulate.generators import GENERATORS
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.plan import ClipPlan, Person, sample_people

FRAMES = 80
SEED = 77  # of no corpus that was trained on


def main() -> None:
    """Print the share of cases per generator."""
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_model()
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    session = EmbeddingSession(model, "CPUExecutionProvider", threads=2)
    people = sample_people(2 * cases, SEED)
    wheel, decoder = find_wheel(), GuardedDecoder()
    for generator in GENERATORS:
        nearer = []
        for number in range(cases):
            one, other = people[2 * number], people[2 * number + 1]
            plans = [
                _plan(generator, target, driver, number, take)
                for take, (target, driver) in enumerate(((one, one), (other, one), (one, other)))
            ]
            with tempfile.TemporaryDirectory() as folder:
                same, moved, driven = (_embed(wheel, Path(folder), plan, decoder, session) for plan in plans)
            nearer.append(np.linalg.norm(same - moved) < np.linalg.norm(same - driven))
        print(f"{generator:7} {np.mean(nearer):.0%} of {cases} cases", flush=True)


def _plan(generator: str, target: Person, driver: Person, case: int, take: int) -> ClipPlan:
    """Takes 0 and 1 are one performance; light, camera and losses differ in all three."""
    performance = 10 * case + (0 if take < 2 else 1)
    return ClipPlan(
        path=f"{generator}-{case}-{take}.mp4",
        generator=generator,
        target=target,
        driver=driver,
        clip=str(take),
        content_seed=performance,
        take_seed=performance,
        scene_seed=10 * case + take,
        frames=FRAMES,
    )


def _embed(
    wheel: Path, folder: Path, plan: ClipPlan, decoder: GuardedDecoder, session: EmbeddingSession
) -> np.ndarray:
    render_clip(wheel, folder, plan)
    decoded = decoder.decode(folder / plan.path, DecodeRequest(fps=None, thumbnails=0))
    if not isinstance(decoded, Decoded):
        raise SystemExit(f"{plan.path}: {decoded.reason}")
    length = session.metadata.clip_length
    start = (len(decoded.frames) - length) // 2
    return session.embed(decoded.frames[None, start : start + length])[0]


if __name__ == "__main__":
    main()
