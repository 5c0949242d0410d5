"""Push and pull tables, plots and models through dsp, from laptop to laptop.

`dsp.push("sales/weekly", df, "Sales by week")` makes a frame, `dsp.pull("sales/weekly")` gives the
table back, `dsp.share()` and `dsp.follow(ticket)` connect two people. `import dsp as dstack` runs
old scripts.
"""

from dsp import logger
from dsp.attachment import Attachment
from dsp.encryption import EncryptionMethod, NoEncryption
from dsp.errors import (
    ConfigurationError,
    ConflictError,
    ConnectionLostError,
    DaemonNotFoundError,
    DspError,
    DspWarning,
    MatchError,
    MatchException,
    NotFoundError,
    RefusedError,
    StackNotFoundError,
    UnauthorizedError,
    UnsupportedObjectTypeException,
    UntrustedError,
    VersionMismatchError,
)
from dsp.profiles import Config, ConfigFactory, InPlaceConfig, Profile, configure
from dsp.pulling import pull, pull_data
from dsp.pushing import (
    FrameMeta,
    PushResult,
    StackFrame,
    create_frame,
    frame,
    push,
    push_frame,
    tab,
)
from dsp.sharing import Event, Events, Followed, Ticket, follow, open, share, share_with, watch
from dsp.stacks import Frame, Hit, Input, Stack, ls, search, stack
from dsp.types import Encoded, Markdown, Picture
from dsp.version import __version__
from dsp.widgets import (
    Widget,
    combobox,
    date_picker,
    radio,
    select,
    slider,
    switch,
    widget,
)

__all__ = [
    "Attachment",
    "Config",
    "ConfigFactory",
    "ConfigurationError",
    "ConflictError",
    "ConnectionLostError",
    "DaemonNotFoundError",
    "DspError",
    "DspWarning",
    "Encoded",
    "EncryptionMethod",
    "Event",
    "Events",
    "Followed",
    "Frame",
    "FrameMeta",
    "Hit",
    "InPlaceConfig",
    "Input",
    "Markdown",
    "MatchError",
    "MatchException",
    "NoEncryption",
    "NotFoundError",
    "Picture",
    "Profile",
    "PushResult",
    "RefusedError",
    "Stack",
    "StackFrame",
    "StackNotFoundError",
    "Ticket",
    "UnauthorizedError",
    "UnsupportedObjectTypeException",
    "UntrustedError",
    "VersionMismatchError",
    "Widget",
    "__version__",
    "combobox",
    "configure",
    "create_frame",
    "date_picker",
    "follow",
    "frame",
    "logger",
    "ls",
    "open",
    "pull",
    "pull_data",
    "push",
    "push_frame",
    "radio",
    "search",
    "select",
    "share",
    "share_with",
    "slider",
    "stack",
    "switch",
    "tab",
    "watch",
    "widget",
]


_GONE = {
    "app": "applications are not run here; push what they show: a table, a plot, a page of HTML",
    "cache": "the daemon keeps what was pulled; functools.cache keeps what a function returned",
    "controls": "applications are not run here; parameters tell the attachments of a frame apart",
    "md": "dsp.Markdown(text) is pushed as any other object",
    "FileDecoder": "dsp.pull(stack, filename=...) writes a file; decoder= takes any function",
    "FileEncoder": "dsp.push(stack, pathlib.Path(file)) pushes a file; encoder= takes any function",
    "tqdm": "applications are not run here; tqdm's own bars are for a script",
    "trange": "applications are not run here; tqdm's own bars are for a script",
    "TorchModelWeightsDecoder": "a pull gives the state of a model: model.load_state_dict takes it",
    "setup_protocol": "the daemon is found by itself; DSP_URL and DSP_TOKEN name another one",
    "get_config": "the daemon is found by itself; DSP_URL and DSP_TOKEN name another one",
    "list_profiles": "there is one daemon, found by itself; dsp.configure has several in a program",
}
"""What later dstack had, and what to do instead."""


def __getattr__(name: str) -> object:
    """Imports `dsp.aio` once it is asked for: scripts do not need what it needs."""
    if name in _GONE:
        raise AttributeError(f"dstack's `{name}` is not here: {_GONE[name]}")
    if name == "aio":
        from importlib import import_module

        return import_module("dsp.aio")
    raise AttributeError(f"module 'dsp' has no attribute {name!r}")


def load_ipython_extension(shell: object) -> None:
    """Adds the magics of `%load_ext dsp`."""
    from dsp.magics import register

    register(shell)
