"""Handlers and hooks: imported, compared with their declarations, bound."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobctl.compiler import bind, check, check_handlers, compile_spec, resolve
from jobctl.compiler.signatures import check_handler, check_hook, is_async
from jobctl.errors import HandlerError
from jobctl.spec import Spec
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

Application = Callable[..., None]
SpecOf = Callable[..., Spec]


def field(name: str, *, required: bool = True, default: Any = NO_DEFAULT) -> PayloadField:
    return PayloadField(name=name, type=FieldType.INT, required=required, default=default)


def messages(function: Callable[..., Any], *fields: PayloadField) -> list[str]:
    return [problem.message for problem in check_handler(function, "send-mail", "shop.mail:send", fields)]


def error_of(path: str) -> HandlerError:
    with pytest.raises(HandlerError) as raised:
        resolve(path)
    return raised.value


def test_function_is_resolved(application: Application) -> None:
    application(shop__mail="class Mailer:\n    @staticmethod\n    def send(ctx): return 1\ndef send(ctx): return 2\n")

    assert resolve("shop.mail:send")(None) == 2
    assert resolve("shop.mail:Mailer.send")(None) == 1


@pytest.mark.parametrize(
    ("path", "code", "message", "hint"),
    [
        ("shop.mial:send", "spec.handler-not-found", "there is no module `mial` in `shop`", "did you mean `mail`?"),
        ("nowhere.mail:send", "spec.handler-not-found", "there is no module `nowhere`", "holds `nowhere/`"),
        ("shop.mail:sned", "spec.handler-not-found", "module `shop.mail` has no `sned`", "did you mean `send`?"),
        ("shop.mail:xyz", "spec.handler-not-found", "has no `xyz`", "it defines `Mailer`, `send`"),
        ("shop.mail:LIMIT", "spec.handler-not-callable", "is a value of type `int`, not a function", "name a `def`"),
        ("shop.mail:Mailer", "spec.handler-not-callable", "is a class, not a function", "name a `def`"),
        ("shop.needs:send", "spec.handler-import", "no module named `surely_not_installed`", "install what provides"),
        ("shop.broken:send", "spec.handler-import", "RuntimeError: no settings", None),
        ("shop.typo:send", "spec.handler-import", "typo.py:1)", None),
        ("shop.exits:send", "spec.handler-import", "SystemExit: 3", None),
        ("shop", "spec.bad-handler", "is no `package.module:function`", None),
    ],
)
def test_what_cannot_be_resolved_says_why(
    application: Application, path: str, code: str, message: str, hint: str | None
) -> None:
    application(
        shop__mail="class Mailer: ...\nLIMIT = 5\ndef send(ctx): ...\n",
        shop__needs="import surely_not_installed\n",
        shop__broken="def setup():\n    raise RuntimeError('no settings')\nsetup()\n",
        shop__typo="def send(ctx) ...\n",
        shop__exits="import sys\nsys.exit(3)\n",
    )

    error = error_of(path)

    assert (error.code, error.exit_code) == (code, 3)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")


def test_failing_import_names_the_line_that_fails(application: Application) -> None:
    application(shop__broken="def setup():\n    raise RuntimeError('no settings')\nsetup()\n")

    assert "broken.py:2)" in error_of("shop.broken:send").message


def test_signatures_that_fit() -> None:
    def exact(ctx: Any, a: int, b: int = 1) -> None: ...
    def by_name(ctx: Any, /, *, a: int, b: int) -> None: ...
    def all_fields(ctx: Any, **payload: int) -> None: ...
    def anything(*args: Any, **payload: Any) -> None: ...
    async def with_extra(ctx: Any, a: int, b: int, c: int = 3) -> None: ...

    for function in (exact, by_name, all_fields, anything, with_extra, functools.partial(with_extra, c=4)):
        assert messages(function, field("a"), field("b", required=False, default=1)) == []


def test_field_that_the_function_does_not_take() -> None:
    def send(ctx: Any, tenant: int) -> None: ...

    (problem,) = check_handler(send, "send-mail", "shop.mail:send", [field("tenant"), field("limit")])

    assert problem.message == "job `send-mail` declares the field `limit`, which handler `shop.mail:send` does not take"
    assert problem.hint == "add the parameter `limit`, or `**payload`"


def test_misspelt_field_is_told_from_both_sides() -> None:
    def send(ctx: Any, tenant: int) -> None: ...

    problems = check_handler(send, "send-mail", "shop.mail:send", [field("tennant")])

    assert [problem.hint for problem in problems] == ["did you mean `tenant`?", "did you mean `tennant`?"]


def test_parameter_that_the_payload_may_leave_out_needs_a_default() -> None:
    def send(ctx: Any, limit: int) -> None: ...

    assert messages(send, field("limit", required=False)) == [
        "handler `shop.mail:send` of job `send-mail` needs `limit`, which a payload may leave out"
    ]
    assert messages(send, field("limit", required=False, default=5)) == []


def test_signatures_that_cannot_be_called() -> None:
    def nothing() -> None: ...
    def only_names(*, a: int) -> None: ...
    def by_position(ctx: Any, a: int, /) -> None: ...
    def named_like_field(a: Any, **payload: int) -> None: ...
    def generator(ctx: Any, a: int) -> Any:
        yield a

    async def async_generator(ctx: Any, a: int) -> Any:
        yield a

    a = field("a")
    assert "takes no context" in messages(nothing, a)[0]
    assert "takes no context" in messages(only_names, a)[0]
    assert any("by position" in message for message in messages(by_position, a))
    assert "has the name of the context" in messages(named_like_field, a)[0]
    assert "is a generator" in messages(generator, a)[0]
    assert "is a generator" in messages(async_generator, a)[0]


def test_what_is_awaited() -> None:
    async def coroutine(ctx: Any) -> None: ...
    def plain(ctx: Any) -> None: ...

    class AsyncCall:
        async def __call__(self, ctx: Any) -> None: ...

    class Call:
        def __call__(self, ctx: Any) -> None: ...

    assert [is_async(one) for one in (coroutine, functools.partial(coroutine), AsyncCall())] == [True] * 3
    assert [is_async(one) for one in (plain, functools.partial(plain), Call())] == [False] * 3


def test_hooks_are_called_with_their_arguments() -> None:
    def startup(state: Any) -> None: ...
    def error(ctx: Any, failure: Any, extra: int = 0) -> None: ...

    assert check_hook(startup, "startup", "x:startup", ("state",)) is None
    assert check_hook(error, "error", "x:error", ("ctx", "failure")) is None
    problem = check_hook(startup, "error", "x:startup", ("ctx", "failure"))
    assert problem is not None
    assert problem.message == "hook `error`: `x:startup` cannot be called as `startup(ctx, failure)`"


SPEC = """
version: 1
hooks:
  startup: shop.setup:startup
  error: shop.setup:on_eror
jobs:
  send-mail:
    handler: shop.mail:send
    payload:
      id: uuid
      limmit: int
  count-mail:
    handler: shop.mail:count
  lost-mail: {handler: shop.mail:lost}
"""


def test_problems_stand_at_the_places_that_name_them(application: Application, spec_of: SpecOf) -> None:
    application(
        shop__mail="async def send(ctx, id, limit=5): ...\ndef count(): ...\n",
        shop__setup="def startup(): ...\ndef on_error(ctx, failure): ...\n",
    )

    found = check_handlers(spec_of(SPEC))

    assert [(one.code, one.location and one.location.line, one.location and one.location.column) for one in found] == [
        ("spec.signature", 4, 12),
        ("spec.handler-not-found", 5, 10),
        ("spec.signature", 11, 7),
        ("spec.signature", 13, 14),
        ("spec.handler-not-found", 14, 24),
    ]
    assert found[2].render().splitlines()[2:] == [
        "   |",
        "11 |       limmit: int",
        "   |       ^^^^^^",
        "hint: did you mean `limit`?",
    ]
    assert "^" * len("shop.mail:lost") in found[4].render()


def test_problems_of_files_and_handlers_are_found_together(application: Application, tmp_path: Path) -> None:
    application(shop__mail="def send(ctx, id): ...\ndef count(ctx): ...\n")
    file = tmp_path / "a.yaml"
    file.write_text(
        "version: 1\n"
        "jobs:\n"
        "  no-handler: {queue: default}\n"
        "  bad-payload: {handler: shop.mail:send, payload: {id: uid}}\n"
        "  lost: {handler: shop.mail:lost, retries: many}\n"
        "  good: {handler: shop.mail:count}\n"
        "  wrong: {handler: shop.mail:count, payload: {id: uuid}}\n"
    )

    spec, problems = check(file)

    assert [(one.code, one.location and one.location.line) for one in problems] == [
        ("spec.missing-key", 3),
        ("spec.bad-value", 4),
        ("spec.handler-not-found", 5),
        ("spec.bad-value", 5),
        ("spec.signature", 7),
    ]
    assert len(spec.jobs) == 5
    assert len(check(file, handlers=False)[1]) == 3


def test_good_handlers_have_no_problems_and_are_bound(application: Application, spec_of: SpecOf) -> None:
    application(shop__mail="async def send(ctx, id): return id\ndef count(ctx): return 5\n")
    spec = spec_of("""
        version: 1
        jobs:
          send-mail: {type: "mail:send", handler: "shop.mail:send", payload: {id: uuid}}
          count-mail: {handler: "shop.mail:count"}
    """)

    assert check_handlers(spec) == []
    handlers = bind(compile_spec(spec))
    assert {name: one.is_async for name, one in handlers.items()} == {"mail:send": True, "count-mail": False}
    send = handlers["mail:send"]
    assert send.registration.name == "send-mail"
    assert list(send.schema.convert({"id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"})) == ["id"]
    assert handlers["count-mail"].function(None) == 5


def test_binding_names_every_handler_at_fault(application: Application, spec_of: SpecOf) -> None:
    application(shop__mail="def count(): ...\n")
    spec = spec_of("""
        version: 1
        jobs:
          send-mail: {handler: "shop.mail:send"}
          count-mail: {handler: "shop.mail:count"}
    """)

    with pytest.raises(HandlerError) as raised:
        bind(compile_spec(spec))

    assert raised.value.message.startswith("2 handlers cannot be used:\n- handler of job `send-mail`")
    assert "`count-mail` takes no context" in raised.value.message


def test_binding_one_handler_at_fault_raises_its_own_error(spec_of: SpecOf) -> None:
    spec = spec_of('version: 1\njobs: {send-mail: {handler: "nowhere:send"}}')

    with pytest.raises(HandlerError) as raised:
        bind(compile_spec(spec))

    assert raised.value.code == "spec.handler-not-found"
    assert raised.value.message == "handler of job `send-mail`: `nowhere:send`: there is no module `nowhere`"
