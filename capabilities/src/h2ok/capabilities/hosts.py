"""The hosts extension: clouds on plain hosts. It comes with this distribution, through the same declaration as any other."""

from __future__ import annotations

from h2ok.capabilities.contracts.discovery import Discovery
from h2ok.capabilities.contracts.extension import Discovery as DiscoveryItem
from h2ok.capabilities.contracts.extension import Extension
from h2ok.capabilities.contracts.extension import Launcher as LauncherItem

__all__ = ["FlatfileDiscovery", "extension"]


class FlatfileDiscovery(Discovery):
    """``--flatfile PATH``: a file with ``ip:port`` of every node, one a line."""

    def resolve(self) -> list[str]:
        from h2ok.kernel.cloud.flatfile import parse_flatfile, read_flatfile

        entries = read_flatfile(self.argument)
        parse_flatfile(entries)
        return entries


extension = Extension(
    name="hosts",
    priority=50,
    provides=(
        DiscoveryItem("flatfile", "h2ok.capabilities.hosts:FlatfileDiscovery"),
        DiscoveryItem("multicast", "h2ok.capabilities.multicast:MulticastDiscovery"),
        LauncherItem("local", "h2ok.capabilities.children:Children"),
    ),
    help="Clouds on plain hosts: nodes named by a flatfile, heard by multicast, or started as processes of this machine.",
)
