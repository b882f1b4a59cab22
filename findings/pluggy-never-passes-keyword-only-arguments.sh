#!/usr/bin/env bash
#
# pluggy 1.7.0. A hook is specified with the arguments path and depth and called with both, by keyword, as
# pluggy demands. Plugins take depth as a plain argument, as a plain one with a default, as a keyword-only one
# with a default, and through **options.
#
# Expected: 9, the value of the call, in all of them; calls by keyword suit keyword-only arguments best. Or an
# error when the plugin is registered, since pluggy does compare signatures then and refuses unknown argument
# names.
#
# What happens: pluggy looks at the positional arguments of an implementation only. The keyword-only one keeps
# its default 3, **options is empty, and neither registration nor check_pending() nor the call says so. Even a
# keyword-only argument that no specification has passes the check.
#
# Seen:
#   pluggy 1.7.0
#   Plain        got 9
#   Default      got 9
#   KeywordOnly  got 3
#   Options      got {}
#   Unknown      got 'red'
#   UnknownPlain got 'PluginValidationError'
#
# Why it matters: a plugin author who writes def fit(self, frame, *, seed=0) in good style gets seed 0 for ever,
# and results that look fine. A host that builds on pluggy should refuse keyword-only and ** parameters of
# implementations itself, with inspect.signature.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pluggy==1.7.0

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import pluggy

print("pluggy", pluggy.__version__)
spec, impl = pluggy.HookspecMarker("host"), pluggy.HookimplMarker("host")


class Hooks:
    @spec
    def walk(self, path, depth):
        """Walk path to a depth."""


class Plain:
    @impl
    def walk(self, path, depth):
        return depth


class Default:
    @impl
    def walk(self, path, depth=3):
        return depth


class KeywordOnly:
    @impl
    def walk(self, path, *, depth=3):
        return depth


class Options:
    @impl
    def walk(self, path, **options):
        return options


class Unknown:
    @impl
    def walk(self, path, *, colour="red"):
        return colour


class UnknownPlain:
    @impl
    def walk(self, path, colour):
        return colour


seen = {}
for plugin in (Plain, Default, KeywordOnly, Options, Unknown, UnknownPlain):
    manager = pluggy.PluginManager("host")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(plugin())
        manager.check_pending()
        seen[plugin.__name__] = manager.hook.walk(path="x", depth=9)
    except pluggy.PluginValidationError as problem:
        seen[plugin.__name__] = [type(problem).__name__]
    print(f"{plugin.__name__:12} got {seen[plugin.__name__][0]!r}")

assert seen["Plain"] == seen["Default"] == [9], seen
assert seen["KeywordOnly"] == [3] and seen["Options"] == [{}] and seen["Unknown"] == ["red"], seen
assert seen["UnknownPlain"] == ["PluginValidationError"], seen
EOF
