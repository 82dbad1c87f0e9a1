"""`jobctl web`: the console in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl web                                   # http://127.0.0.1:8484/, for this machine only
    jobctl web --read-only
    jobctl web --host 0.0.0.0 --config web.toml --allow-host jobs.example.com
    jobctl web --host 0.0.0.0 --config web.toml --tls-cert cert.pem --tls-key key.pem
    jobctl web hash-password                     # a user's line for the configuration
"""
HELP = """The console in a browser.

Queues, jobs, types, schedules and workers, live, and what can be done to them. Without users or tokens it is served to
this machine only.
"""
HASH_EXAMPLES = """
    jobctl web hash-password                     # asks for the password
    pass show jobs | jobctl web hash-password
"""


def group() -> typer.Typer:
    """Return the command, which serves when it is not told anything else."""
    app = typer.Typer(cls=Group, rich_markup_mode=None)
    app.callback(cls=Group, invoke_without_command=True, epilog=EXAMPLES, help=HELP)(web)
    app.command("hash-password", cls=Command, epilog=HASH_EXAMPLES)(hash_password)
    return app


def web(
    ctx: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Bind to it")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", help="Bind to it; 0: any", callback=reads(whole_number(0)))
    ] = 8484,
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="Users, tokens and a trusted proxy, as TOML")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name the console is reached by")
    ] = None,
    tls_cert: Annotated[
        str | None, typer.Option("--tls-cert", metavar="FILE", help="Serve HTTPS with this certificate, as PEM")
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key, as PEM")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Change nothing, whoever asks")] = False,
    spec: SpecPath = None,
) -> None:
    """Serve the console until a signal ends it."""
    if ctx.invoked_subcommand is not None:
        return
    import asyncio

    from jobctl.errors import UsageError
    from jobctl_cli import logs, session
    from jobctl_web.config import read_config

    try:
        from jobctl_web.server import serve
    except ImportError as error:
        raise UsageError(
            f"the console needs `{error.name}`, which is not installed",
            code="web.missing",
            hint="`pip install 'jobctl[web]'` brings all it needs",
        ) from None

    env: Environment = ctx.obj
    found = read_config(
        env.variables,
        path=config,
        host=host,
        port=port,
        hosts=tuple(allow_host or ()),
        is_read_only=read_only,
        certificate=(tls_cert, tls_key),
    )
    plan = session.find_plan(env, spec)
    logs.set_up(env, format=env.settings.log_format, level="info")
    with session.broker(env, is_brief=False) as url:
        asyncio.run(serve(url, plan, found, lambda address: env.note(f"console: {address}")))


def hash_password(
    ctx: typer.Context,
    *,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Print NAME:ROLE:HASH, as JOBCTL_WEB_USERS takes it")
    ] = None,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="viewer, operator or admin")] = "viewer",
) -> None:
    """Hash a password for the configuration. It is asked for, or read from a pipe, and never an argument."""
    import getpass

    from jobctl.errors import UsageError
    from jobctl_web.passwords import hash_password as hashed
    from jobctl_web.roles import read_role

    env: Environment = ctx.obj
    try:
        if env.stdin.isatty():
            password = getpass.getpass("Password: ", stream=env.stderr)
            if getpass.getpass("Again: ", stream=env.stderr) != password:
                raise UsageError("the two passwords differ", code="usage.value")
        else:
            password = env.stdin.readline().rstrip("\n")
        text = hashed(password)
        env.print(f"{user}:{read_role(role).word}:{text}" if user else text)
    except ValueError as error:
        raise UsageError(str(error), code="usage.value") from None
