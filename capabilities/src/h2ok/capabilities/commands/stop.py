"""h2ok stop."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request

from h2ok.capabilities.ports import DEFAULT_BASE_PORT

__all__ = ["Stop"]


class Stop:
    """Ask a cloud to end, over REST."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""
        parser.add_argument(
            "--url", default=f"http://127.0.0.1:{DEFAULT_BASE_PORT}", help="any node of the cloud (default: %(default)s)"
        )
        parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="how long to wait for an answer")

    def run(self, args: argparse.Namespace) -> int:
        """0 when the cloud ends, 1 when nobody answers."""
        if not args.url.startswith(("http://", "https://")):
            print(f"h2ok: --url must start with http:// or https://; got {args.url}", file=sys.stderr)
            return 2
        request = urllib.request.Request(args.url.rstrip("/") + "/3/Shutdown", data=b"", method="POST")  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=args.timeout):  # noqa: S310 - checked above
                pass
        except (urllib.error.URLError, OSError) as e:
            reason = getattr(e, "reason", e)
            print(f"h2ok: no cloud ended at {args.url}: {reason}. Give the address of a running node with --url.", file=sys.stderr)
            return 1
        print(f"The cloud at {args.url} ends.")
        return 0
