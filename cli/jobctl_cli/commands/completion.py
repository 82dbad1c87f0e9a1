"""`jobctl completion`: scripts that make the shell complete commands, jobs and flags."""

from __future__ import annotations

from typing import Annotated

import typer

from jobctl_cli.flags import one_of, reads

EXAMPLES = """
    source <(jobctl completion bash)             # in ~/.bashrc
    source <(jobctl completion zsh)              # in ~/.zshrc, after compinit
    jobctl completion fish | source              # in ~/.config/fish/config.fish
"""
SHELLS = ("bash", "zsh", "fish")


def completion(
    ctx: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish", callback=reads(one_of(*SHELLS)))],
) -> None:
    """Print the completion script for bash, zsh or fish.

    Commands, options, contexts, and what the specs declare are completed: jobs with their flags, queues, schedules,
    alerts.
    """
    from jobctl_cli.completion import script

    ctx.obj.print(script(shell))
