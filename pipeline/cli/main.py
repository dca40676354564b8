"""The `driverprint` command."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from pipeline.cli.exit_codes import Exit
from pipeline.errors import UserError
from pipeline.interruption import be_deaf, leave_at_once, listen

#: What typer makes of Ctrl-C.
TYPER_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; no traceback unless --debug asks for it."""
    os.umask(0o077)  # whatever is written may be biometric data: owner only
    leave_at_once(Exit.INTERRUPTED)  # the imports take seconds, and a Ctrl-C may meet them
    from typer import Abort

    from pipeline.cli.commands import command_line

    _spell_out()
    words = list(sys.argv[1:] if arguments is None else arguments)
    app = command_line(words)
    listen()
    debug = "--debug" in words
    ending = arguments is None  # the process ends with this call
    try:
        code = app(words, standalone_mode=False)
        if code == TYPER_INTERRUPTED:
            raise KeyboardInterrupt
        _flush()
    except UserError as error:
        _complain(str(error), debug)
        code = Exit.UNUSABLE
    except Abort:
        code = Exit.INTERRUPTED
    except KeyboardInterrupt:
        if ending:
            be_deaf()
        _tell("Interrupted. What is done is kept: run the same command again to continue.")
        code = Exit.INTERRUPTED
    except SystemExit:  # typer and rich leave so where nobody reads any more, with 1: "some files failed"
        _discard_output()
        code = Exit.INTERRUPTED
    except Exception as error:
        if hasattr(error, "format_message"):  # a wrong argument: click's own sentence
            if error.format_message().strip():  # empty where no word was given and the help was shown
                _complain(_wrong_argument(error), debug)
        elif isinstance(error, OSError):
            _complain(_trouble(error), debug)
        else:
            _complain(
                f"Internal error ({type(error).__name__}: {error}). Nothing done is lost; "
                "run 'driverprint --debug ...' to see where it happened.",
                debug,
            )
        code = Exit.UNUSABLE
    if ending:
        be_deaf()
    sys.exit(int(code or 0))


#: What to do about an error of the operating system; what is done is kept in any case.
_REMEDIES: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free space there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make it writable for you"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.EISDIR), "name another path"),
    errno.ENOENT: "make the folder it lies in",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EIO: "check the disk",
}


def _trouble(error: OSError) -> str:
    name = error.filename or "What this command prints or writes"  # every writer of files names its file
    remedy = _REMEDIES.get(error.errno or 0)
    advice = f": {remedy} and run the same command again, what is done is kept" if remedy else ""
    return f"{name} ({error.strerror or error}){advice}."


def _wrong_argument(error: Any) -> str:
    """Click's sentence, and what helps: the help of the command it was said to, or a permission."""
    sentence = error.format_message()
    if sentence.endswith(" is not readable."):
        return f"{sentence.removesuffix('.')}: check its permissions, and those of the folders it lies in."
    context = getattr(error, "ctx", None)
    command = f"{context.info_name} " if context is not None and context.parent is not None else ""
    stop = "" if sentence.endswith((".", "?", "!")) else "."
    return f"{sentence}{stop} Try 'driverprint {command}--help'."


def _spell_out() -> None:
    """Let a character that standard output cannot encode become an escape, as on standard error it does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Write what was printed while its failure can still be told; SystemExit where nobody reads it."""
    if sys.stdout is None:  # closed before the start: nothing was printed
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit from None
    except OSError:
        _discard_output()
        raise


def _discard_output() -> None:
    """Let the interpreter's own last flush of what could not be written pass in silence."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _complain(sentence: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    _tell(f"driverprint: {sentence}")


def _tell(sentence: str) -> None:
    """Say it, if anybody is there to read: the exit status must stay true where standard error is gone."""
    from pipeline.cli.progress import say

    with suppress(OSError, SystemExit):
        say(sentence)
