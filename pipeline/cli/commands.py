"""Every command of `driverprint`, under its name; only the one that is called is imported.

Together they take seconds to import, which nobody should wait for who asks for help or mistypes a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

#: What the list of commands says of each. Its module here bears its name and holds its function and examples.
COMMANDS: Final = {
    "analyze": "Analyse a folder of talking-head videos: who drives each avatar?",
    "report": "Build the report again from the tables of a case.",
    "verify": "Check a case: checksums, counts, schemas, ids and result digest.",
    "purge": "Remove what identifies people from a case; it cannot be undone.",
    "case-uco": "Export a finished case as CASE/UCO.",
    "inspect": "Show what intake and decoding see in one video: facts, shots, windows, flags.",
    "simulate": "Render a corpus of talking-head avatars with known drivers and targets, openly licensed.",
    "benchmark": "Measure models on a labelled corpus by the paper's protocols.",
    "pretrain": "Teach the backbone to read simulated motion before it is trained to tell drivers apart.",
    "habits": "Teach a motion head from drivers that are performed but never rendered.",
    "train": "Train a network on a labelled corpus of avatar videos.",
    "export": "Export a trained network as a model file for analyze and benchmark.",
    "ablate": "Examine why differencing works: motion of the features against coding noise.",
}


def command_line(words: Sequence[str]) -> typer.Typer:
    """The command line as ``words`` need it: all commands by name, the one they call with all it takes."""
    app = typer.Typer(
        name="driverprint",
        help="Who drives this avatar? Offline forensic analysis of talking-head video.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    called = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name == called:
            word = name.replace("-", "_")
            module = import_module(f"pipeline.cli.{word}")
            app.command(name, epilog=module.EXAMPLES)(getattr(module, f"{word}_command"))
        else:
            app.command(name, help=summary)(_not_called)
    return app


def _not_called() -> None:
    """Stands in the list for a command that these words do not call."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from pipeline.run_record import tool_version

        print(f"driverprint {tool_version()}")
        raise typer.Exit()


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; both are handled before it starts."""
