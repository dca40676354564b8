"""NVFAIR v2, and every corpus in its layout.

``ROOT/<source>/{originals,<generator>-generated}/<target>/<file>.mp4``. A synthetic file is named
``<target>--<driving clip>--<driver>.mp4``, some ``<target>--<driver>.mp4``. Splits are of identities:
a reenactment whose target and driver lie in different splits belongs to none.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.files import VIDEO_SUFFIXES, videos_below
from pipeline.datasets.identities import read_sources, read_splits, split_headings
from pipeline.datasets.label import (
    ORIGINAL,
    SPLITS,
    Dataset,
    DatasetProblem,
    UnparsedNameError,
    is_utf8,
    label_frame,
    names_alike,
)
from pipeline.datasets.licences import with_licences
from pipeline.errors import UserError

ORIGINALS: Final = "originals"
GENERATED: Final = "-generated"
SPLIT_FILE: Final = "train_val_test_splits.txt"
SOURCE_FILE: Final = "subject_sources.txt"
METADATA_FOLDERS: Final = ("", "metadata")
RELEASED: Final = Path(__file__).parent / "nvfair_split.json"


def parse_name(stem: str) -> tuple[str, str | None, str]:
    """Target, driving clip (None where the name has two fields) and driver of a synthetic file's stem.

    Raises UnparsedNameError with one clause when a field is missing or empty.
    """
    fields = stem.split("--")
    if len(fields) < 2:
        raise UnparsedNameError("has no '--' between target and driver")
    if not all(fields):
        raise UnparsedNameError("has an empty field")
    return fields[0], "--".join(fields[1:-1]) or None, fields[-1]


def is_nvfair(root: Path) -> bool:
    """Whether a folder has the layout: a split file, or a source folder of originals or generated videos."""
    if _metadata(root, SPLIT_FILE):
        return True
    return any(_is_source(entry) for entry in _folders(root))


def read_nvfair(root: Path) -> Dataset:
    """Read the labels of a corpus in NVFAIR's layout; ``root`` holds the source folders.

    Raises UserError when no source folder is there, or the split file cannot be read.
    """
    scan = _Scan(root)
    for source in _folders(root):
        scan.source(source)
    if not scan.paths:
        raise UserError(
            f"{root} holds no video in NVFAIR's layout (<source>/<generator>-generated/<target>/<file>.mp4): "
            "name the folder that holds the source folders."
        )
    if scan.elsewhere:
        sentence = (
            f"the first of {len(scan.elsewhere):,} videos that lie in no target's folder, in a folder below "
            f"one, or are none of {', '.join(VIDEO_SUFFIXES)}; left out."
        )
        scan.problems.append(DatasetProblem(min(scan.elsewhere), None, sentence, len(scan.elsewhere)))
    splits, sources = _splits(root, scan), _sources(root, scan)
    labels = label_frame(
        {
            "path": scan.paths,
            "target": scan.targets,
            "driver": scan.drivers,
            "generator": scan.generators,
            "source": scan.sources,
            "original": [generator == ORIGINAL for generator in scan.generators],
        }
    )
    labels = labels.with_columns(
        split=_common_split(splits),
        driver_source=pl.col("driver").replace_strict(sources, default=None, return_dtype=pl.String),
    )
    _report_unknown(labels, splits, scan.problems)
    scan.problems += names_alike(root.name, labels)
    labels, licence_problems = with_licences(root, labels)
    return Dataset(root, "NVFAIR", labels, (*scan.problems, *licence_problems))


@dataclass
class _Scan:
    """Columns of the labels as the folders are walked. Equal strings are stored once."""

    root: Path
    paths: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    drivers: list[str] = field(default_factory=list)
    generators: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    problems: list[DatasetProblem] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def source(self, folder: os.DirEntry[str]) -> None:
        """Walk ``<source>/``."""
        if not _is_source(folder):
            if folder.name not in METADATA_FOLDERS:
                self._problem(folder.name, f"has no {ORIGINALS} or <generator>{GENERATED} folder; not read.")
            return
        for generated in _folders(folder.path):
            if generated.name != ORIGINALS and not _is_generated(generated.name):
                self._problem(
                    f"{folder.name}/{generated.name}",
                    f"is neither {ORIGINALS} nor <generator>{GENERATED}; its videos are left out.",
                    excluded=len(videos_below(generated)),
                )
                continue
            generator = ORIGINAL if generated.name == ORIGINALS else generated.name.removesuffix(GENERATED)
            below = f"{folder.name}/{generated.name}"
            for entry in _entries(generated.path):
                if not entry.is_dir():
                    self._elsewhere(entry)
                elif not entry.name.startswith("."):
                    self._target(folder.name, generator, entry, f"{below}/{entry.name}")

    def _target(self, source: str, generator: str, folder: os.DirEntry[str], below: str) -> None:
        try:
            entries = list(os.scandir(folder.path))
        except OSError as error:
            self._problem(below, f"cannot be listed ({error.strerror}); its videos are left out.")
            return
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if not name.lower().endswith(VIDEO_SUFFIXES):
                self._elsewhere(entry)
                continue
            path = f"{below}/{name}"
            if not is_utf8(path):
                self._problem(path, "its name is not UTF-8; left out.", excluded=1)
                continue
            driver = self._driver(generator, folder.name, path, name)
            if driver is None:
                continue
            if not os.access(entry.path, os.R_OK):
                why = (
                    "cannot be read (not permitted)"
                    if os.path.lexists(os.path.realpath(entry.path))
                    else "is missing"
                )
                self._problem(path, f"{why}; left out.", excluded=1)
                continue
            self.paths.append(path)
            self.targets.append(self._once(folder.name))
            self.drivers.append(self._once(driver))
            self.generators.append(self._once(generator))
            self.sources.append(self._once(source))

    def _elsewhere(self, entry: os.DirEntry[str]) -> None:
        """Note a video that lies where none is looked for, or all below a folder."""
        self.elsewhere += (os.path.relpath(file, self.root) for file in videos_below(entry))

    def _driver(self, generator: str, target: str, path: str, name: str) -> str | None:
        """The driver, or None when the label is broken and was reported."""
        if generator == ORIGINAL:
            return target
        try:
            shown, _, driver = parse_name(name.rpartition(".")[0])
        except UnparsedNameError as error:
            self._problem(path, f"its name {error}; left out.", excluded=1)
            return None
        if shown != target:
            self._problem(
                path, f"its name says target {shown} but it lies in folder {target}; left out.", excluded=1
            )
            return None
        return driver

    def _once(self, text: str) -> str:
        return self._names.setdefault(text, text)

    def _problem(self, place: str, sentence: str, excluded: int = 0) -> None:
        self.problems.append(DatasetProblem(place, None, sentence, excluded))


def _folders(path: Path | str) -> Iterator[os.DirEntry[str]]:
    """Subfolders in name order, links to folders included: corpora are often spread over disks."""
    return (entry for entry in _entries(path) if entry.is_dir() and not entry.name.startswith("."))


def _entries(path: Path | str) -> list[os.DirEntry[str]]:
    """What lies in a folder, in name order. Raises UserError where it cannot be listed."""
    try:
        return sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{path} cannot be listed ({error.strerror}): check its permissions.") from None


def _is_generated(name: str) -> bool:
    return name.endswith(GENERATED) and name != GENERATED


def _is_source(folder: os.DirEntry[str]) -> bool:
    return any(entry.name == ORIGINALS or _is_generated(entry.name) for entry in _folders(folder.path))


def _metadata(root: Path, name: str) -> Path | None:
    places = [root / folder / name for folder in METADATA_FOLDERS]
    return next((place for place in places if place.is_file()), None)


def _released(part: str) -> dict[str, str]:
    """Identity -> split or source, as released with NVFAIR."""
    groups: Mapping[str, list[str]] = json.loads(RELEASED.read_text("utf-8"))[part]
    return {identity: name for name, identities in groups.items() for identity in identities}


def _splits(root: Path, scan: _Scan) -> dict[str, str]:
    """The dataset's own split file where it has one, else the released split; differences are remarked."""
    released = _released("split")
    path = _metadata(root, SPLIT_FILE)
    if path is None:
        targets = set(scan.targets)
        known = sum(target in released for target in targets)
        sentence = f"is missing; the released split is used, which knows {known} of {len(targets)} targets."
        scan.problems.append(DatasetProblem(SPLIT_FILE, None, sentence))
        return released
    splits, problems = read_splits(path)
    scan.problems += problems
    if len(set(splits) & set(released)) > len(splits) / 2:  # another corpus is not compared with NVFAIR
        differing = sorted(name for name in splits if released.get(name, splits[name]) != splits[name])
        added, missing = sorted(splits.keys() - released.keys()), sorted(released.keys() - splits.keys())
        for names, what in (
            (differing, "in another split"),
            (added, "not in it"),
            (missing, "only in it"),
        ):
            if names:
                sentence = f"differs from the released split, {what}: {', '.join(names)}."
                scan.problems.append(DatasetProblem(path.name, None, sentence))
    headings = split_headings(path)
    for split in SPLITS:
        if split not in splits.values():
            sentence = f"the {split} split is empty."
            scan.problems.append(DatasetProblem(path.name, headings.get(split), sentence))
    return splits


def _sources(root: Path, scan: _Scan) -> dict[str, str]:
    """Identity -> source: the folder it is a target in, else the source file, else the release."""
    sources = _released("source")
    path = _metadata(root, SOURCE_FILE)
    if path is not None:
        listed, problems = read_sources(path)
        scan.problems += problems
        sources |= listed
    return sources | dict(zip(scan.targets, scan.sources, strict=True))


def _common_split(splits: Mapping[str, str]) -> pl.Expr:
    target, driver = (
        pl.col(column).replace_strict(splits, default=None, return_dtype=pl.String)
        for column in ("target", "driver")
    )
    return pl.when(target == driver).then(target)


def _report_unknown(labels: pl.DataFrame, splits: Mapping[str, str], problems: list[DatasetProblem]) -> None:
    """One remark for each identity that no split names."""
    videos: Counter[str] = Counter()
    for column in ("target", "driver"):
        unknown = labels.filter(~pl.col(column).is_in(list(splits)))
        if column == "driver":
            unknown = unknown.filter(pl.col("driver") != pl.col("target"))
        videos.update(dict(unknown.group_by(column).len().iter_rows()))
    for identity, count in sorted(videos.items()):
        sentence = f"names no split for {identity}; its {count} videos belong to no split."
        problems.append(DatasetProblem(SPLIT_FILE, None, sentence))
