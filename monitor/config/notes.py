"""What is no fault of a configuration, but hardly meant: for who checks it."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config.model import Config, NotifierConfig, SourceConfig
from monitor.http import private_host
from monitor.http_settings import HttpSettings


def hardly_meant(config: Config) -> list[str]:
    """Sentences, each with the name of what it is about."""
    return [*_refused(config), *_hidden(config)]


def _refused(config: Config) -> Iterator[str]:
    """Who asks or tells somebody by HTTP at an address that it may not use."""
    parts: list[SourceConfig | NotifierConfig] = [*config.sources, *config.notifiers]
    for part in parts:
        settings = part.settings
        if not isinstance(settings, HttpSettings) or settings.allow_private:
            continue
        if host := private_host(settings.url):
            yield (
                f"{part.name}: {host} is this machine or on a private network, so requests will be refused "
                "(allow_private = true lets it be used)"
            )


def _hidden(config: Config) -> Iterator[str]:
    """Routes below one that takes every alert and goes no further."""
    routes = config.policy.routes
    last = next((n for n, route in enumerate(routes) if not route.match and not route.continue_), len(routes))
    for route in routes[last + 1 :]:
        yield (
            f"{route.name}: no alert comes to this route, since {routes[last].name} above it takes every alert "
            "(put it further up, or set continue = true there)"
        )
