"""Every command of `driverprint`, under its name."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.ablate import EXAMPLES as ABLATE_EXAMPLES
from pipeline.cli.ablate import ablate_command
from pipeline.cli.analyze import EXAMPLES, analyze_command
from pipeline.cli.benchmark import EXAMPLES as BENCHMARK_EXAMPLES
from pipeline.cli.benchmark import benchmark_command
from pipeline.cli.case_commands import report_command, verify_command
from pipeline.cli.case_uco import EXAMPLES as CASE_UCO_EXAMPLES
from pipeline.cli.case_uco import case_uco_command
from pipeline.cli.export import EXAMPLES as EXPORT_EXAMPLES
from pipeline.cli.export import export_command
from pipeline.cli.habits import EXAMPLES as HABITS_EXAMPLES
from pipeline.cli.habits import habits_command
from pipeline.cli.inspect import inspect_command
from pipeline.cli.pretrain import EXAMPLES as PRETRAIN_EXAMPLES
from pipeline.cli.pretrain import pretrain_command
from pipeline.cli.purge import EXAMPLES as PURGE_EXAMPLES
from pipeline.cli.purge import purge_command
from pipeline.cli.simulate import EXAMPLES as SIMULATE_EXAMPLES
from pipeline.cli.simulate import simulate_command
from pipeline.cli.train import EXAMPLES as TRAIN_EXAMPLES
from pipeline.cli.train import train_command
from pipeline.run_record import tool_version

app = typer.Typer(
    name="driverprint",
    help="Who drives this avatar? Offline forensic analysis of talking-head video.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"driverprint {tool_version()}")
        raise typer.Exit()


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; both are handled before it starts."""


app.command("analyze", epilog=EXAMPLES)(analyze_command)
app.command("report")(report_command)
app.command("verify")(verify_command)
app.command("purge", epilog=PURGE_EXAMPLES)(purge_command)
app.command("case-uco", epilog=CASE_UCO_EXAMPLES)(case_uco_command)
app.command("inspect")(inspect_command)
app.command("simulate", epilog=SIMULATE_EXAMPLES)(simulate_command)
app.command("benchmark", epilog=BENCHMARK_EXAMPLES)(benchmark_command)
app.command("pretrain", epilog=PRETRAIN_EXAMPLES)(pretrain_command)
app.command("habits", epilog=HABITS_EXAMPLES)(habits_command)
app.command("train", epilog=TRAIN_EXAMPLES)(train_command)
app.command("export", epilog=EXPORT_EXAMPLES)(export_command)
app.command("ablate", epilog=ABLATE_EXAMPLES)(ablate_command)
