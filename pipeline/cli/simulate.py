"""`driverprint simulate`: an openly licensed corpus of talking-head avatars in NVFAIR's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.progress import console, steps
from pipeline.errors import UserError

EXAMPLES = """
Examples:

  driverprint simulate corpus/
      40 identities, 3 generators, 1,800 reenactments of 4 seconds and 200
      originals.

  driverprint simulate corpus/ --identities 8 --self 2 --cross 3 --seconds 3
      A small one.

  driverprint simulate sheet.png --preview
      Only a picture of 16 of its targets.

  driverprint simulate replay/ --motion takes/
      Recorded motion, takes/DRIVER/CLIP.csv as Live Link Face writes it,
      replayed on simulated heads.

The same command again continues an interrupted corpus. The same options and
seed give the same pictures.
"""


def simulate_command(
    out: Annotated[Path, typer.Argument(help="Folder for the corpus, or the PNG file with --preview.")],
    identities: Annotated[int, typer.Option(min=2, help="People; each is a target and a driver.")] = 40,
    self_clips: Annotated[
        int, typer.Option("--self", min=0, help="Self-reenactments a driver and generator.")
    ] = 5,
    cross_clips: Annotated[int, typer.Option("--cross", min=0, help="Cross-reenactments, likewise.")] = 10,
    seconds: Annotated[float, typer.Option(min=0.08, help="Length of a clip.")] = 4.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same corpus.")] = 0,
    generators: Annotated[str, typer.Option(help="Which generators, by comma.")] = "mesh,tps,latent",
    preview: Annotated[
        bool, typer.Option("--preview", help="Write a contact sheet of 16 targets only.")
    ] = False,
    motion: Annotated[
        Path | None, typer.Option(help="Folder of DRIVER/CLIP.csv from Live Link Face.")
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(help="The head model's wheel.", envvar="DRIVERPRINT_HEADS")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Renderers at a time; all cores by default.")
    ] = None,
) -> None:
    """Render a corpus of talking-head avatars with known drivers and targets, openly licensed."""
    try:
        from pipeline.simulate.corpus import simulate
        from pipeline.simulate.head_data import find_wheel
        from pipeline.simulate.plan import sample_people
        from pipeline.simulate.preview import contact_sheet, write_png
    except ModuleNotFoundError as missing:
        raise UserError(
            f"simulate needs {missing.name}, which is absent: run `pip install 'driverprint[simulate]'`"
        ) from None
    if preview:
        picture = out if out.suffix.lower() == ".png" else out / "preview.png"
        write_png(picture, contact_sheet(find_wheel(heads), sample_people(identities, seed), seed))
        console.print(f"{picture}")
        return
    with steps("clips") as stage:

        def report(done: int, total: int) -> None:
            stage.expect(total)
            stage.step(done - stage.done)

        names = [name.strip() for name in generators.split(",") if name.strip()]
        plans = simulate(
            *(out, identities, self_clips, cross_clips, seconds, seed, names),
            motion=motion,
            heads=heads,
            workers=workers,
            progress=report,
        )
    people = {plan.driver.name for plan in plans}
    console.print(f"{out}: {len(plans):,} videos of {len(people)} people, in NVFAIR's layout.")
