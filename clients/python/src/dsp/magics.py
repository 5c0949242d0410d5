"""`%load_ext dsp`: `%%dsp_push`, `%dsp_pull` and `%dsp_status`."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any, NoReturn

from dsp.client import client
from dsp.errors import ConfigurationError
from dsp.pulling import pull
from dsp.pushing import PushResult, create_frame


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the kernel."""

    def parse_line(self, line: str) -> argparse.Namespace:
        """Reads what stands behind the name of a magic."""
        try:
            return self.parse_args(shlex.split(line))
        except ValueError as error:  # A quotation mark that nothing closes.
            self.error(str(error).lower())

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message, hint=self.format_usage().strip())


def _push_parser() -> _Parser:
    parser = _Parser(prog="%%dsp_push", add_help=False)
    parser.add_argument("stack")
    parser.add_argument("-m", "--message", default=None)
    parser.add_argument("-p", "--param", action="append", default=[], metavar="K=V")
    parser.add_argument("--input", action="append", default=[], metavar="REF")
    return parser


def _pull_parser() -> _Parser:
    parser = _Parser(prog="%dsp_pull", add_help=False)
    parser.add_argument("stack")
    parser.add_argument("-p", "--param", action="append", default=[], metavar="K=V")
    return parser


def register(shell: Any) -> None:
    """Adds the magics to a shell of IPython."""

    def dsp_push(line: str, cell: str) -> PushResult:
        """Runs the cell and pushes the value of its last expression.

        %%dsp_push STACK [-m MESSAGE] [-p K=V]... [--input REF]...
        """
        args = _push_parser().parse_line(line)
        params = _params(args.param)
        ran = shell.run_cell(cell)
        ran.raise_error()
        if ran.result is None:
            raise ConfigurationError(
                "the cell has no value to push", hint="end it with the object on a line of its own"
            )
        made = create_frame(args.stack)
        for ref in args.input:
            made.input(ref)
        made.commit(ran.result, params=params)
        return made.push(message=args.message)

    def dsp_pull(line: str) -> Any:
        """Returns an attachment as an object: value = %dsp_pull STACK [-p K=V]..."""
        args = _pull_parser().parse_line(line)
        return pull(args.stack, params=_params(args.param))

    def dsp_status(line: str) -> str:
        """Tells who I am, where the daemon is, and who is connected."""
        node = client().get("/node")
        said = (
            f"{node['name']} on {node['device_name']}, context {node['context']}: "
            f"{node['stacks']} stacks, {node['peers_connected']} peers connected; "
            f"dspd {node['version']} at {node['address']}"
        )
        if node.get("backup_needed"):
            said += "; the recovery key is only on this disk: dsp id backup"
        return said

    shell.register_magic_function(dsp_push, magic_kind="cell", magic_name="dsp_push")
    shell.register_magic_function(dsp_pull, magic_kind="line", magic_name="dsp_pull")
    shell.register_magic_function(dsp_status, magic_kind="line", magic_name="dsp_status")


def _params(pairs: list[str]) -> dict[str, Any]:
    """Reads `K=V`: JSON where it is, else text."""
    params = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name:
            raise ConfigurationError(f"`{pair}` is no parameter", hint="write NAME=VALUE")
        try:
            params[name] = json.loads(text)
        except ValueError:
            params[name] = text
    return params
