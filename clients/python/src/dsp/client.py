"""The sole HTTP caller: requests to `/api/v1` over the daemon's socket, or TCP.

A client belongs to the process that made it. After a `fork` the child opens connections of its
own, as two processes that write to one socket would mix up their requests.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from dsp import straight
from dsp.errors import (
    ConfigurationError,
    ConnectionLostError,
    DaemonNotFoundError,
    DspError,
    UnauthorizedError,
    VersionMismatchError,
    of_problem,
    tell,
)
from dsp.home import ClientFile, client_file, home
from dsp.logger import logged
from dsp.start import start
from dsp.transfer import watched
from dsp.version import __version__
from dsp.wire import EventStream, Far, lines, pieces, whole

_PAGE = 500
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15 * 60.0
"""What goes through many bytes, such as a push, may be silent for so long."""
_SMALL_SECONDS = 30.0
"""What only asks for something does not take long."""
_LARGE_BYTES = 1 << 20
"""What is less is not worth a connection of its own."""
_NO_ANSWER = "no_answer"
_EVENT_SECONDS = 60.0
"""The daemon shows every 15 seconds that a stream of events is alive."""

Query = Mapping[str, str | int | bool | None]


class Client:
    """A daemon that can be called.

    `local` tells whether it is on this machine and under this account, so that it can read our
    files by their paths.
    """

    def __init__(self, address: str, token: str | None, *, socket: str | None, local: bool) -> None:
        # Also as examples of calls, and old profiles, have it.
        address = address.rstrip("/")
        self.address = address.removesuffix("/api/v1").removesuffix("/api").rstrip("/")
        self.local = local
        self._token = _checked(token)
        self._socket = socket
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._pid = 0
        _made.add(self)

    def __repr__(self) -> str:
        return f"Client({self.address!r})"

    def __reduce__(self) -> tuple[Callable[[str, bool], Client], tuple[str, bool]]:
        """Has another process find the daemon anew: the token goes nowhere."""
        return _found_there, (self.address, self.local)

    @classmethod
    def of_file(cls, file: ClientFile) -> Client:
        """Returns a caller of the daemon that wrote the file; nothing is sent yet."""
        token = os.environ.get("DSP_TOKEN") or file.token
        return cls(file.address, token, socket=file.socket, local=True)

    @classmethod
    def of_url(cls, url: str, token: str | None) -> Client:
        """Returns a caller of a daemon at an address such as `http://127.0.0.1:7700`."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigurationError(
                f"`{url}` is no address of a daemon",
                hint="DSP_URL is like http://127.0.0.1:7700",
            )
        return cls(url, token, socket=None, local=False)

    def get(self, path: str, query: Query | None = None, *, long: bool = False) -> Any:
        """Asks for something and returns the JSON of the answer; `long` may take long."""
        return self._json("GET", path, query, timeout=None if long else _small())

    def health(self) -> dict[str, Any]:
        """Asks who answers. Without the token: another program may listen there by now."""
        with self._send("GET", "/health", token=False, timeout=_small()) as answer:
            try:
                read = json.loads(whole(answer))
            except ValueError as error:
                raise _strange(answer) from error
        return read if isinstance(read, dict) else {}

    def post(self, path: str, body: object = None, query: Query | None = None) -> Any:
        """Does something and returns the JSON of the answer."""
        return self._json("POST", path, query, body)

    def delete(self, path: str, query: Query | None = None) -> Any:
        """Takes something away and returns the JSON of the answer."""
        return self._json("DELETE", path, query)

    def pages(self, path: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """Gives the items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, {**(query or {}), "limit": _PAGE, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def steps(self, path: str, body: object) -> dict[str, Any]:
        """Does something long and returns its result, told as JSON lines.

        What the user should know comes as a `DspWarning`.
        """
        with (
            self._send("POST", path, content=_dump(body), headers=_JSON) as answer,
            contextlib.ExitStack() as shown,
        ):
            far = Far(shown)
            for line in lines(answer):
                step = json.loads(line)
                match step.get("step"):
                    case "done":
                        result: dict[str, Any] = step["result"]
                        return result
                    case "failed":
                        raise of_problem(step["problem"])
                    case "note":
                        tell(str(step.get("text")))
                    case "progress":
                        far.told(step)
        raise ConnectionLostError(
            "the daemon's answer broke off before its end",
            hint="it may have been stopped; the call can be repeated",
        )

    def upload(self, pieces: Iterable[bytes], *, size: int, blake3: str) -> str:
        """Uploads bytes piece by piece and returns their BLAKE3; repeated, it changes nothing."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "X-Dsp-Blake3": blake3,
        }
        sent = watched(pieces, "push", size)
        with self._send("PUT", "/blobs", content=sent, headers=headers) as answer:
            return str(json.loads(whole(answer))["hash"])

    def has_blob(self, blake3: str) -> bool:
        """Tells whether the daemon has the bytes, so that they need not be sent."""
        try:
            with self._send("HEAD", f"/blobs/{blake3}"):
                return True
        except DspError as error:
            if isinstance(error, DaemonNotFoundError | UnauthorizedError | ConnectionLostError):
                raise
            return False

    @contextlib.contextmanager
    def download(self, path: str, query: Query | None = None) -> Iterator[Iterator[bytes]]:
        """Opens the bytes that a path stands for, to be read piece by piece.

        The iterator raises `ConnectionLostError` when they break off.
        """
        with self._send("GET", path, query) as answer:
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            yield watched(pieces(answer), "pull", total)

    @contextlib.contextmanager
    def download_into(self, path: str, into: memoryview) -> Iterator[Iterator[int] | None]:
        """Opens bytes that are put straight into memory of their size, and says how many are there.

        None where they are not to be had so: `download` brings them, or tells why.
        """
        if self._socket is None or len(into) < _LARGE_BYTES:
            yield None
            return
        target = f"/api/v1/{path.lstrip('/')}"
        headers = {**_HEADERS, **self._shown(), "Host": self.address.partition("://")[2]}
        with (
            logged("GET", path) as call,
            straight.opened(self._socket, target, headers, into, _ANSWER_SECONDS) as told,
        ):
            call.status = None if told is None else 200
            yield told

    def read_range(self, path: str, query: Query | None, start: int, end: int) -> bytes:
        """Returns the bytes from `start` up to and without `end`."""
        if end <= start:
            return b""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        with self._send("GET", path, query, headers=headers) as answer:
            read = b"".join(pieces(answer))
            return read if answer.status_code == 206 else read[start:end]

    @contextlib.contextmanager
    def events(
        self, query: Query | None = None, silence_seconds: float | None = None
    ) -> Iterator[EventStream]:
        """Opens the stream of what happens; the iterator gives events as they come.

        `ConnectionLostError` is raised when nothing came for so long.
        """
        silence = min(silence_seconds or _EVENT_SECONDS, _EVENT_SECONDS)
        timeout = httpx.Timeout(_CONNECT_SECONDS, read=silence)
        with self._send("GET", "/events", query, timeout=timeout) as answer:
            yield EventStream(answer)

    def close(self) -> None:
        """Closes the connections; the next call opens new ones."""
        with self._lock:
            if self._http is not None and self._pid == os.getpid():
                self._http.close()
            self._http = None

    def _json(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: object = None,
        timeout: httpx.Timeout | None = None,
    ) -> Any:
        content = None if method in ("GET", "DELETE") else _dump({} if body is None else body)
        headers = {} if content is None else _JSON
        with self._send(
            method, path, query, content=content, headers=headers, timeout=timeout
        ) as answer:
            text = whole(answer)
            try:
                return json.loads(text) if text else None
            except ValueError as error:
                raise _strange(answer) from error

    def _shown(self) -> dict[str, str]:
        """Returns the header that shows the token."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _connections(self) -> httpx.Client:
        with self._lock:
            if self._http is None or self._pid != os.getpid():
                transport = httpx.HTTPTransport(uds=self._socket)
                self._http = httpx.Client(
                    base_url=f"{self.address}/api/v1",
                    transport=transport,
                    timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                    headers=_HEADERS,
                    # The token is the daemon's: a redirect would carry it elsewhere.
                    follow_redirects=False,
                    trust_env=False,
                )
                self._pid = os.getpid()
            return self._http

    @contextlib.contextmanager
    def _send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
        token: bool = True,
    ) -> Iterator[httpx.Response]:
        http = self._connections()
        sent = {**(headers or {}), **(self._shown() if token else {})}
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        options: dict[str, Any] = {"timeout": timeout} if timeout is not None else {}
        try:
            with (
                logged(method, path) as call,
                http.stream(
                    method, path.lstrip("/"), params=given, content=content, headers=sent, **options
                ) as answer,
            ):
                call.status = answer.status_code
                if answer.status_code >= 300:
                    raise self._problem(answer, method, path)
                yield answer
        except httpx.InvalidURL as error:
            raise ConfigurationError(
                "what is asked for is no text for a reference or a search",
                causes=[str(error)],
                hint="is the first argument the right one?",
            ) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DaemonNotFoundError(
                f"no daemon answers at {self._socket or self.address}",
                causes=[str(error) or type(error).__name__],
                hint="`dsp daemon start` starts it; `dsp daemon logs` says why it ended"
                if self.local
                else "does it run there, and is that its address? DSP_URL named it, or a profile",
            ) from None
        except httpx.ReadTimeout as error:
            waited = (error.request.extensions.get("timeout") or {}).get("read")
            raise ConnectionLostError(
                f"the daemon at {self._socket or self.address} did not answer in {waited} seconds",
                code=_NO_ANSWER,
                hint="is it stopped, or very busy? `dsp daemon logs` tells what it does; "
                "`dsp daemon stop` ends it, and the next call starts it anew",
            ) from None
        except httpx.TransportError as error:
            raise ConnectionLostError(
                f"the connection to the daemon at {self.address} broke off",
                causes=[str(error) or type(error).__name__],
                hint="the call can be repeated: what arrived is kept and not sent twice",
            ) from None

    def _problem(self, answer: httpx.Response, method: str, path: str) -> DspError:
        try:
            problem = json.loads(whole(answer))
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            return _strange(answer)
        if answer.status_code == 405 or problem.get("detail") == _NO_SUCH_CALL:
            return self._mismatch(f"it does not know {method} /api/v1{path}")
        told = of_problem(problem)
        if isinstance(told, UnauthorizedError) and self._token is None:
            told.hint = _NO_TOKEN
        return told

    def _mismatch(self, cause: str) -> VersionMismatchError:
        """Returns the error for a daemon that does not understand this package, or the reverse."""
        try:
            version = str(self.health().get("version"))
        except DspError:
            version = "of an unknown version"
        return VersionMismatchError(
            f"dspd {version} and dsp-client {__version__} do not understand each other",
            causes=[cause],
            hint="install both from one release, then `dsp daemon stop`: the next call starts it",
        )


_HEADERS = {"User-Agent": f"dsp-python/{__version__}", "Accept-Encoding": "identity"}
_JSON = {"Content-Type": "application/json"}
_NO_TOKEN = (
    "DSP_TOKEN shows a token: on the machine of the daemon, `dsp profile add --print` makes one"
)
_NO_SUCH_CALL = "there is nothing at this path"
"""How the daemon says that it has no such call, rather than no such thing."""


def _small() -> httpx.Timeout:
    return httpx.Timeout(_SMALL_SECONDS, connect=_CONNECT_SECONDS)


def segment(text: str) -> str:
    """Returns a text as one segment of a path, whatever it holds.

    Raises `ConfigurationError` for what would be no segment: nothing, and dots that lead elsewhere.
    """
    if text in ("", ".", ".."):
        raise ConfigurationError(f"`{text}` is no name", hint="write the name in full")
    _utf8(text)
    return quote(text, safe="")


def _strange(answer: httpx.Response) -> DspError:
    return DspError(
        f"{answer.url} answered {answer.status_code}, which is no answer of dsp",
        hint="is another program listening there? `dsp status` tells where the daemon is",
    )


def _checked(token: str | None) -> str | None:
    """Returns a token without what a file has around it.

    Raises `ConfigurationError`, which does not show it, for what no token is.
    """
    token = (token or "").strip()
    if not (token.isascii() and token.isprintable()):
        raise ConfigurationError(
            "the token has letters that no token has", hint="copy it anew: DSP_TOKEN, or a profile"
        )
    return token or None


def _dump(body: object) -> bytes:
    return _utf8(json.dumps(body, ensure_ascii=False, allow_nan=False))


def _utf8(text: str) -> bytes:
    """Returns a text as bytes.

    Raises `ConfigurationError` for what no text is: half of a surrogate pair.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        at = error.object[max(error.start - 20, 0) : error.start]
        raise ConfigurationError(
            f"behind {at!r} is half a surrogate pair, which no text has",
            hint="text that was read with errors='surrogateescape' may have some",
        ) from error


def _text(value: str | int | bool | None) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    _utf8(text)
    return text


_lock = threading.Lock()
_made: weakref.WeakSet[Client] = weakref.WeakSet()
_found: dict[tuple[str, ...], Client] = {}
_chosen: Client | None = None


def _after_fork() -> None:
    """Gives a child locks of its own: threads that it has not may have held those it would have."""
    global _lock
    _lock = threading.Lock()
    for made in _made:
        made._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def choose(caller: Client | None) -> None:
    """Has `client` return this one, whatever there is; None has it look again."""
    global _chosen
    _chosen = caller


def client() -> Client:
    """Finds the daemon, and starts it where it does not run.

    `DSP_URL` with `DSP_TOKEN` names one elsewhere; else it is the one of the home: `DSP_HOME`, or
    `~/.dsp`. What was found is kept, and looked for again once it does not answer.

    Raises `DaemonNotFoundError`, which says how to get it.
    """
    if _chosen is not None:
        return _chosen
    if url := os.environ.get("DSP_URL"):
        key: tuple[str, ...] = ("url", url, os.environ.get("DSP_TOKEN", ""))
        with _lock:
            return _found.setdefault(key, Client.of_url(url, os.environ.get("DSP_TOKEN") or None))
    folder = home()
    file = client_file(folder)
    if file is not None and (found := _answering(file)) is not None:
        return found
    first = start(
        folder, lambda: (file := client_file(folder)) is not None and bool(_answering(file))
    )
    file = client_file(folder)
    found = _answering(file) if file is not None else None
    if found is None:
        raise DaemonNotFoundError(
            "the daemon ended right after its start", hint=f"see {folder}/logs"
        )
    if first:
        _greet(found)
    return found


def _greet(found: Client) -> None:
    """Says once who the user is now, and that the only proof of it is on this disk."""
    node = found.get("/node")
    # A shell need not know what this process was told of homes.
    named = f" --home {shlex.quote(node['home'])}" if os.environ.get("DSP_HOME") else ""
    told = (
        f"first start: you are {node['name']} on {node['device_name']}, and everything is in "
        f"{node['home']}",
        "the recovery key is only on this disk: `dsp id backup` shows it in words; who loses the "
        "keys loses the name",
        "in the browser: dsp.open()",
        f"old code of dstack: `dsp profile add{named}` writes ~/.dstack/config.yaml for "
        f"{node['dstack_user']} at {node['address']}/api",
    )
    with contextlib.suppress(AttributeError, OSError, ValueError):  # There is no stderr.
        sys.stderr.write("".join(f"{line}\n" for line in told))


def _found_there(address: str, local: bool) -> Client:
    """Returns a caller of the daemon that another process called.

    Raises `ConfigurationError` where it is another one that is found here.
    """
    found = client()
    if found.local != local or (found.address != address and not local):
        raise ConfigurationError(
            f"this came from the daemon at {address}, and here it is {found.address}",
            hint="set DSP_URL and DSP_TOKEN, or call dsp.configure, in each process alike",
        )
    return found


def _answering(file: ClientFile) -> Client | None:
    key = (file.address, file.socket or "", str(file.pid), os.environ.get("DSP_TOKEN", ""))
    with _lock:
        known = _found.get(key)
    candidate = known or Client.of_file(file)
    try:
        health = candidate.health()
    except DspError as error:
        if error.code == _NO_ANSWER:
            # It runs, so that another one could not start.
            raise
        return None
    # A port may belong to another program by now.
    if health.get("pid") != file.pid or health.get("status") != "ok":
        return None
    with _lock:
        return _found.setdefault(key, candidate)
