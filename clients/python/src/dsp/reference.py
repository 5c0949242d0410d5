"""References as people type them, and as dstack and URLs write them."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from dsp.errors import ConfigurationError

SCHEME = "dsp://"


def reference(text: str) -> str:
    """Returns the reference, `[user[/context]:]stack[@rev][#attachment]`, that a text means.

    Takes dstack's absolute path, `/user/stack`, and URLs in both forms:
    `dsp://user/context/stack?rev=v1&path=plot.svg` and `dsp://user/context/stack@v1#plot.svg`.
    """
    if text.startswith(SCHEME):
        return _of_url(text[len(SCHEME) :])
    if text.startswith("/"):
        user, _, stack = text[1:].partition("/")
        if not user or not stack:
            raise ConfigurationError(f"`{text}` names no stack", hint="write /USER/STACK")
        # dstack's name for the one local user.
        return stack if user in ("me", "dstack") else f"{user}:{stack}"
    return text


def _of_url(rest: str) -> str:
    name, _, path = rest.partition("#")
    name, _, query = name.partition("?")
    user, _, below = name.partition("/")
    context, _, stack = below.partition("/")
    if not user or not context or not stack:
        raise ConfigurationError(
            f"`{SCHEME}{rest}` names no stack",
            hint="write dsp://USER/CONTEXT/STACK; those of yours begin with dsp://me/main/",
        )
    given = parse_qs(query, strict_parsing=False)
    rev = given.get("rev", [""])[0]
    path = path or given.get("path", [""])[0]
    ref = f"{unquote(user)}/{unquote(context)}:{unquote(stack)}"
    if rev:
        ref += f"@{rev}"
    return f"{ref}#{path}" if path else ref
