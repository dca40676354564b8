"""A decoder that crashes, hangs, leaks and lies, through real Ray actors and the real ledger."""

from __future__ import annotations

from pathlib import Path

from model.metadata import model_id
from model.shipped import shipped_model
from pipeline.decode.types import Limits
from pipeline.engine import Engine, EngineOptions, Work
from pipeline.ledger import FileResult, Ledger
from pipeline.ray_session import ray_session
from tests.pipeline.decode.test_guard import STAND_IN
from tests.soak.corpus import Kind, healthy

EXPECTED = {
    "segfault": "decoder_crashed",
    "abort": "decoder_crashed",
    "nonsense": "decoder_crashed",
    "hang": "timed_out",
    "spin": "timed_out",
    "leak": "over_memory",
}
TIGHT = Limits(memory=768 << 20, cpu_seconds=3, stall_seconds=8.0, wall_seconds=30.0)


def process(folder: Path, names: list[str], workers: int) -> dict[str, FileResult]:
    """Run the engine over files whose names may be misdeeds; results by name, all through the ledger."""
    ledger_folder = folder / "shards"
    ledger_folder.mkdir()
    works = []
    for name in names:
        path = folder / f"{name}.mp4"
        path.write_bytes(healthy(Kind("h264.mp4", "libx264")))
        works.append(Work(name.ljust(64, "0"), path, None))
    options = EngineOptions(
        model=shipped_model(), model_id=model_id(shipped_model()), clip_length=64, stride=64, fps=25.0,
        provider="CPUExecutionProvider", workers=workers, limits=TIGHT, decoder=tuple(STAND_IN),
    )  # fmt: skip
    results: dict[str, FileResult] = {}
    ledger = Ledger(ledger_folder)

    def commit(result: FileResult) -> None:
        ledger.commit(result)
        name = result.evidence_id.rstrip("0")
        assert name not in results, "a file was committed twice"
        results[name] = result

    with ray_session(workers, 256 << 20):
        Engine(options).run(iter(works), commit)
    assert ledger.done() == {work.evidence_id for work in works}
    return results


def attack(folder: Path) -> None:
    """Every misdeed between healthy files: each costs its own row, no neighbour changes."""
    (folder / "alone").mkdir()
    alone = process(folder / "alone", ["good"], workers=1)["good"]
    names = ["good", "gooda"]
    for misdeed, letter in zip(EXPECTED, "bcdefgh", strict=False):
        names += [misdeed, f"good{letter}"]
    (folder / "among").mkdir()
    results = process(folder / "among", names, workers=2)
    assert set(results) == set(names)
    for name, result in results.items():
        if name in EXPECTED:
            assert result.facts["status"] == "failed", name
            assert result.facts["reason_code"] == EXPECTED[name], (name, result.facts)
            continue
        assert result.facts == alone.facts, name
        vectors = [bytes(row["embedding"]) for row in result.embeddings]
        assert vectors == [bytes(row["embedding"]) for row in alone.embeddings]
        assert vectors
