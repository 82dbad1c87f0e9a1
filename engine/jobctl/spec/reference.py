"""What is said about a key of a spec, in words: for `jobctl spec explain` and for the language reference."""

from __future__ import annotations

from collections.abc import Iterator

from jobctl.spec.diagnostics import listed
from jobctl.spec.fields import ALERT, BACKOFF, CRON, DEFAULTS, HOOKS, JOB, LINT, PAYLOAD_FIELD, QUEUE, SPEC, UNIQUE
from jobctl.spec.kinds import Choice, Raw
from jobctl.spec.model import LintCode
from jobctl.spec.outline import Entry, Inner, Shape, inner
from jobctl.spec.sections import Field, Section

# heading, section, path of what holds it, what it is
_CHAPTERS: tuple[tuple[str, Section, str, str], ...] = (
    ("A spec file", SPEC, "", "All files of a folder form one spec. Keys that begin with `x-` are not read: notes, and"
     " anchors for YAML's own `&` and `*`."),
    ("Queues", QUEUE, "queues.", "A plain number is the weight: `queues: {critical: 6}`."),
    ("Jobs", JOB, "jobs.", "A job stands under its name, the one it has on the command line."),
    ("Defaults", DEFAULTS, "defaults.", "For the jobs of the same file that do not say otherwise."),
    ("Backoff", BACKOFF, "jobs.backoff.", "The wait before retry n is `delay * factor ** (n - 1)`, `max` at most."),
    ("Unique", UNIQUE, "jobs.unique.", "A second enqueue is refused, and told which job holds the lock."),
    ("Schedules", CRON, "jobs.cron.", "A plain text is the expression: `cron: '@daily'`. Several stand in a list."),
    ("Payload fields", PAYLOAD_FIELD, "jobs.payload.", "A plain word is the type: `id: uuid`."),
    ("Alerts", ALERT, "alerts.", "An alert stands under its name. [alerts.md](alerts.md) says how they are delivered."),
    ("Hooks", HOOKS, "hooks.", "Paths of functions, written as `package.module:function`."),
    ("Lint", LINT, "lint.", "Warnings do not fail a check unless it is `--strict`."),
)  # fmt: skip

LINT_TEXTS = {
    LintCode.HANDLER_NOT_IMPORTABLE: "the module of a handler is not here; silenced, a check does not want it here",
    LintCode.CRON_DST: "a schedule names a time that is skipped when the clock goes forward",
    LintCode.CRON_OVERLAP: "a schedule comes sooner than its timeout ends a run, and runs may overlap",
    LintCode.BACKOFF_EXCEEDS_RETENTION: "all retries together wait longer than the record is kept",
    LintCode.UNIQUE_WITHOUT_FOR: "a unique lock has no longest time",
    LintCode.NO_ALERT: "a job in the heaviest queue raises no alert",
    LintCode.SECRET_FIELD: "a payload field has the name of a secret and is not marked `secret`",
}


_COMMANDS = (
    ("spec new", "writes a spec to begin with, its handlers, and the schema for editors", "0; 2 a file is there"),
    ("spec check", "every problem at once, and warnings; `--strict` fails on these too", "0 sound; 3 problems"),
    ("spec plan", "what the specs would change on the broker; `--offline` what they compile to", "0 same; 2 differs"),
    ("spec show JOB", "a job in force, each value with where it came from", "0; 5 no such job"),
    ("spec explain KEY", "what a key means, its default, an example", "0; 2 no such key"),
    ("spec schema", "the JSON Schema of specs", "0"),
    ("run --watch", "applies changed specs while running; a broken one is refused and the old one stays", "of `run`"),
)


def allowed(field: Field, below: Inner | None) -> str:
    """Return what a value may be, in a few words."""
    if below is not None and below.shape is Shape.MAP:
        return f"mapping of names to {below.section.label}s"
    if below is not None and below.shape is Shape.LIST:
        return f"{field.kind.label}, or a list"
    if isinstance(field.kind, Raw):
        return field.kind.label
    if isinstance(field.kind, Choice):
        return listed(list(field.kind.words))
    return field.kind.expected.removeprefix("a ").removeprefix("an ")


def explain(entry: Entry) -> str:
    """Return all there is to say about a key, as plain text."""
    field = entry.field
    lines = [f"{entry.path}: {allowed(field, entry.inner)}", "", f"  {field.description}", ""]
    facts = [("required", "yes" if field.required else ""), ("default", field.default)]
    facts += [("example", f"{field.name}: {field.example}"), ("also", ", ".join(field.aliases))]
    lines += [f"  {name:<9} {text}" for name, text in facts if text]
    if entry.inner is not None:
        section = entry.inner.section
        width = max(len(one.name) for one in section.fields)
        lines += ["", f"  keys of a {section.label}:"]
        lines += [f"    {one.name:<{width}}  {one.description}" for one in section.fields]
    return "\n".join(lines)


def markdown() -> str:
    """Return the language reference."""
    parts = [
        "# The language of job specs",
        "Generated from the table of fields by `jobctl spec explain --markdown`; do not edit. `jobctl spec explain"
        " jobs.retries` shows any of it in the terminal, `jobctl spec schema` writes it for editors.",
    ]
    for heading, section, path, text in _CHAPTERS:
        parts += [f"## {heading}", text, "\n".join(_table(section, path))]
    commands = ["| command | what it does | exit codes |", "|---|---|---|"]
    commands += [f"| `jobctl {name}` | {text} | {codes} |" for name, text, codes in _COMMANDS]
    parts += ["### Codes", "\n".join(f"- `{code}`: {text}" for code, text in LINT_TEXTS.items())]
    parts += ["## Commands", "\n".join(commands)]
    return "\n\n".join(parts) + "\n"


def _table(section: Section, path: str) -> Iterator[str]:
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for field in section.fields:
        below = inner(section, field.name)
        default = "required" if field.required else f"`{field.default}`" if field.default else ""
        meaning = f"{field.description} Example: `{field.example}`"
        row = (f"`{path}{field.name}`", allowed(field, below), default, meaning)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
