"""dstack's profiles, kept in a program: which daemon is meant where it is not found by itself.

Files of profiles are for dstack's own clients, which `dsp profile add` writes; this package reads
none. Nothing has to be configured on the machine of the daemon.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import urlsplit

from dsp.client import Client, choose, client
from dsp.errors import ConfigurationError

DEFAULT = "default"


@dataclass(frozen=True)
class Profile:
    """A daemon and what opens it, by a name.

    `server` is an address such as `http://127.0.0.1:7700`, with or without dstack's `/api` at its
    end; without one it is the daemon that is found by itself. `user` is accepted for old code: you
    are who the daemon says.
    """

    name: str
    user: str | None = None
    token: str | None = None
    server: str | None = None
    verify: bool = True

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {self.user!r}, server={self.server!r})"

    def caller(self) -> Client:
        """Returns a caller of the daemon; nothing is sent yet.

        Raises `ConfigurationError` for what is no address, and for an encrypted connection of which
        nobody checks who is at its other end.
        """
        if self.server is None:
            if self.token:
                raise ConfigurationError(
                    f"the profile `{self.name}` has a token and no server",
                    hint="pass server= with it, or leave both out on the daemon's machine",
                )
            return client()
        if not self.verify and urlsplit(self.server).scheme == "https":
            raise ConfigurationError(
                f"the profile `{self.name}` turns the check of certificates off",
                hint="reach the daemon through a tunnel: ssh -L 7700:127.0.0.1:7700 HOST",
            )
        return Client.of_url(self.server, self.token)


class Config(ABC):
    """Where profiles are kept. Scripts of old have classes of their own."""

    @abstractmethod
    def get_profile(self, name: str) -> Profile | None:
        """Returns the profile of a name, or None."""


class ConfigFactory(ABC):
    """What makes a `Config` once it is needed."""

    @abstractmethod
    def get_config(self) -> Config:
        """Returns it."""


class InPlaceConfig(Config):
    """Profiles in the memory of this process."""

    def __init__(self) -> None:
        self._profiles: dict[str, Profile] = {}

    def list_profiles(self) -> dict[str, Profile]:
        """Returns all profiles by their names."""
        return dict(self._profiles)

    def get_profile(self, name: str) -> Profile | None:
        return self._profiles.get(name)

    def add_or_replace_profile(self, profile: Profile) -> None:
        """Keeps a profile under its name."""
        self._profiles[profile.name] = profile

    def remove_profile(self, name: str) -> Profile | None:
        """Forgets a profile and returns it; None where there was none."""
        return self._profiles.pop(name, None)

    def save(self) -> None:
        """Does nothing: they are gone with the process."""


_config: Config | None = None


def configure(config: Config | ConfigFactory | None) -> None:
    """Has pushes and pulls look their profiles up in a config; None undoes it.

    A profile called `default` is the daemon of all calls of this package from then on, before
    `DSP_URL` and the one that is found by itself.

    Raises `ConfigurationError` where it is no config, or its default profile cannot be used.
    """
    global _config
    found = config.get_config() if isinstance(config, ConfigFactory) else config
    if not (found is None or isinstance(found, Config)):
        raise ConfigurationError(
            f"a {type(found).__name__} is no config",
            hint="fill a dsp.InPlaceConfig() with add_or_replace_profile(dsp.Profile(...))",
        )
    default = found.get_profile(DEFAULT) if found is not None else None
    chosen = default.caller() if default is not None and default.server else None
    _config = found
    choose(chosen)


def caller_of(profile: str) -> Client:
    """Returns a caller of the daemon that a profile means.

    Raises `ConfigurationError` for one that nothing configured.
    """
    if profile == DEFAULT:
        return client()
    found = _config.get_profile(profile) if _config is not None else None
    if found is None:
        raise ConfigurationError(
            f"there is no profile `{profile}`: there is one daemon, and it is found by itself",
            hint="DSP_HOME chooses another daemon here, DSP_URL and DSP_TOKEN one elsewhere, and "
            "dsp.configure several in one program",
        )
    return found.caller()
