"""h2ok start: one node, or the supervisor of a cloud of several processes on this machine."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from h2ok.capabilities.boot import Composition
from h2ok.capabilities.children import Report
from h2ok.capabilities.contracts.discovery import Discovery as DiscoveryContract
from h2ok.capabilities.contracts.extension import Auth, Discovery
from h2ok.capabilities.contracts.extension import Launcher as LauncherItem
from h2ok.capabilities.contracts.launcher import Launcher, LaunchPlan
from h2ok.capabilities.logs import ConsoleHandler, LogBook
from h2ok.capabilities.options import ALL_CORES, check_folder, cluster_secret, log_level, memory_limit, worker_threads
from h2ok.capabilities.ports import DEFAULT_BASE_PORT, free_port, is_loopback, listen
from h2ok.capabilities.registry import Registry, toggles_from
from h2ok.capabilities.settings import H2O_VERSIONS, H2OK_VERSION, Settings
from h2ok.capabilities.supervisor import Supervisor
from h2ok.kernel import H2OKError, IllegalArgumentError, Node, NodeConfig
from h2ok.kernel.errors import CloudLockedError, CloudTimeoutError

__all__ = ["Start"]

_log = logging.getLogger("h2ok.boot")
#: Seconds until a cloud of several nodes must agree.
_FORM_SECONDS = 60.0


class Start:
    """The command. ``prepare`` discovers extensions, whose core extensions may then add options."""

    def __init__(self) -> None:
        self.registry = Registry()
        self._given: list[str] = []
        self._required: list[str] = []

    def prepare(self, arguments: Sequence[str]) -> None:
        """Discover extensions by the options that choose among them."""
        self._given = [*arguments[arguments.index("start") + 1 :]] if "start" in arguments else list(arguments)
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        _extension_options(early)
        known, _ = early.parse_known_args([a for a in arguments if a not in ("-h", "--help")])
        self._required = list(known.ext)
        properties = dict(p.partition("=")[::2] for p in known.D)
        properties.update({k: v for k, v in os.environ.items() if ".toggle." in k})
        self.registry = Registry.discover(exclude=known.no_ext, require=known.ext, toggles=toggles_from(properties))

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options; H2O's single-dash spellings are accepted."""
        _extension_options(parser)
        net = parser.add_argument_group("network")
        net.add_argument("--ip", "-ip", default=_env("IP", "127.0.0.1"), help="address of the node (default: %(default)s)")
        net.add_argument(
            "--web-ip", "-web_ip", default=_env("WEB_IP", ""), help="address REST listens on (default: that of the node)"
        )
        net.add_argument("--port", "-port", type=int, default=_env_int("PORT"), help="REST port; the port above is for other nodes")
        net.add_argument(
            "--base-port", "-baseport", type=int, default=_env_int("BASE_PORT") or DEFAULT_BASE_PORT,
            help="first port to try when --port is not given (default: %(default)s)",
        )  # fmt: skip
        net.add_argument("--insecure", action="store_true", help="allow a public address without authentication or encryption")
        cloud = parser.add_argument_group("cloud")
        cloud.add_argument(
            "--name", "-name", default=_env("NAME", f"h2ok-{_user()}"), help="name of the cloud (default: %(default)s)"
        )
        cloud.add_argument("--nodes", "-nodes", type=int, default=1, help="processes to start on this machine (default: 1)")
        cloud.add_argument(
            "--flatfile", "-flatfile", default=_env("FLATFILE", ""), help="file with ip:port of every node, one a line"
        )
        cloud.add_argument(
            "--discovery", default=_env("DISCOVERY", ""), metavar="NAME[:ARGUMENT]", help="how the other nodes are found"
        )
        cloud.add_argument(
            "--launcher", default=_env("LAUNCHER", "local"), metavar="NAME", help="how --nodes starts them (default: %(default)s)"
        )
        cloud.add_argument("--no-restart", action="store_true", help="with --nodes: leave a lost node lost")
        cloud.add_argument("--members", default="", help=argparse.SUPPRESS)
        cloud.add_argument("--cloud-size", type=int, default=0, help="wait for this many nodes before reporting ready")
        cloud.add_argument(
            "--replicas", type=int, default=_env_int("REPLICAS", 1),
            help="copies of everything on other nodes: so many may be lost at once without losing data (default: %(default)s)",
        )  # fmt: skip
        cloud.add_argument(
            "--cluster-secret", default=_env("CLUSTER_SECRET_FILE", ""), metavar="FILE",
            help="encrypt and authenticate what nodes tell each other; the file holds the same text on all of them",
        )  # fmt: skip
        cloud.add_argument("--no-join", action="store_true", help="refuse nodes that come after the cloud holds data")
        machine = parser.add_argument_group("resources")
        machine.add_argument(
            "--nthreads",
            "-nthreads",
            type=int,
            default=_env_int("NTHREADS", ALL_CORES),
            help="worker threads of a node (default: -1, as many as there are cores)",
        )
        machine.add_argument(
            "--max-mem",
            "-max_mem",
            default=_env("MAX_MEM", ""),
            help="memory of a node's process in all, such as 4g (default: no limit)",
        )
        machine.add_argument("--ice-root", "-ice_root", default=_env("ICE_ROOT", ""), help="folder for logs and spilled data")
        machine.add_argument(
            "--log-level", "-log_level", default=_env("LOG_LEVEL", "INFO"), help="trace, debug, info, warn, error, fatal"
        )
        machine.add_argument(
            "--log-dir", "-log_dir", default=_env("LOG_DIR", ""), help="folder for logs (default: below --ice-root)"
        )
        machine.add_argument("--quiet", "-quiet", action="store_true", help="print errors only")
        machine.add_argument(
            "--h2o-version", default="", metavar="VERSION",
            help=f"H2O version told to clients (default: that of the client installed here, else {H2O_VERSIONS[-1]})",
        )  # fmt: skip
        machine.add_argument("--watch-stdin", action="store_true", help=argparse.SUPPRESS)
        machine.add_argument("--report", type=int, default=-1, help=argparse.SUPPRESS)
        for impl in list(self.registry.plugins.hook.add_arguments.get_hookimpls()):
            try:
                impl.function(**{"parser": parser} if impl.argnames else {})
            except (Exception, SystemExit) as e:
                self._out(impl.plugin_name, "add_arguments", e)

    def run(self, args: argparse.Namespace) -> int:
        """Serve until asked to stop."""
        self._validate(args)
        self._refuse_public(args)
        if args.nodes < 1:
            raise IllegalArgumentError(f"--nodes must be at least 1; got {args.nodes}.", argument="nodes")
        if args.nodes > 1 and (args.flatfile or args.discovery):
            raise IllegalArgumentError(
                "--nodes starts a cloud, --flatfile and --discovery join one. Give one of them.", argument="nodes"
            )
        if args.replicas < 0:
            raise IllegalArgumentError(f"--replicas must be at least 0; got {args.replicas}.", argument="replicas")
        worker_threads(args.nthreads)
        level = log_level(args.log_level)
        memory_limit(args.max_mem)
        stop = threading.Event()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_signals(stop))
            if args.watch_stdin:
                threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
            sock = stack.enter_context(_rest_socket(args))
            port = sock.getsockname()[1]
            ice_root = Path(args.ice_root or Path(tempfile.gettempdir()) / f"h2ok-{_user()}")
            check_folder(ice_root, "--ice-root")
            if args.log_dir:
                check_folder(Path(args.log_dir), "--log-dir")
            if args.nodes > 1:
                return self._supervise(args, sock, ice_root, level, stop)
            logs = stack.enter_context(_logging(args, f"{args.ip}:{port}", ice_root, level))
            return self._serve(args, _node_config(args, port, str(ice_root)), sock, logs, stop, stack)

    def _supervise(self, args: argparse.Namespace, sock: socket.socket, ice_root: Path, level: int, stop: threading.Event) -> int:
        """Have a launcher run the nodes, and look after them."""
        port = sock.getsockname()[1]
        # The first node takes both ports in a moment; whoever is there already is named now.
        listen(args.ip, port + 1).close()
        plan = LaunchPlan(args.nodes, args.name, args.ip, port, ice_root, tuple(self._given))
        launcher: Launcher = self.registry.named(LauncherItem, args.launcher)(plan)
        sock.close()
        with _logging(args, f"supervisor:{port}", ice_root, level):
            _log.info("Cloud '%s' of %d nodes: %s", args.name, args.nodes, ", ".join(launcher.addresses))
            folder = args.log_dir or str(ice_root / "h2ologs")
            if args.no_join and not args.no_restart:
                _log.info("Lost nodes are not started again: with --no-join the cloud would refuse them.")
            return Supervisor(launcher, folder, restart=not (args.no_restart or args.no_join), form_seconds=_FORM_SECONDS).run(stop)

    def _serve(
        self,
        args: argparse.Namespace,
        config: NodeConfig,
        sock: socket.socket,
        logs: LogBook,
        stop: threading.Event,
        stack: contextlib.ExitStack,
    ) -> int:
        found, discovery = self._others(args)
        node = _start_node(config, found, self.registry, seeks=discovery is not None and not args.flatfile)
        stack.callback(node.close)
        if discovery is not None:
            stack.callback(discovery.close)
            discovery.watch(config.name, node.cloud.me.name, node.cloud.meet)
        settings = Settings(web_ip=args.web_ip, insecure=args.insecure, log_level=args.log_level, rest_socket=sock)
        if args.h2o_version:
            settings = settings.with_version(args.h2o_version)
        composition = Composition(node, self.registry, settings, logs, stop)
        stack.callback(composition.close)
        _describe(config, settings)
        composition.start()
        url = composition.serve() or "(no extension serves REST)"
        report = Report(args.report)
        if _await_cloud(node, max(1, args.cloud_size), stop, report):
            _log.info("Open H2O Flow in your web browser: %s", url)
        while not stop.wait(0 if node.cloud.failure else 1.0):
            report.tell(node.cloud.failure or node.cloud.outside)
            if node.cloud.failure:
                _log.error("%s", node.cloud.failure)
                return 255
        _log.info("Shutting down")
        return 0

    def _others(self, args: argparse.Namespace) -> tuple[list[str], DiscoveryContract | None]:
        """Addresses of the other nodes known now, and what goes on looking for more."""
        if args.members:
            return args.members.split(","), None
        name, _, argument = ("flatfile", "", args.flatfile) if args.flatfile else args.discovery.partition(":")
        if not name:
            return [], None
        made: DiscoveryContract = self.registry.named(Discovery, name)(argument)
        return list(made.resolve()), made

    def _validate(self, args: argparse.Namespace) -> None:
        """Let core extensions look at the options; a ValueError is theirs to end the start with, anything else is their mistake."""
        for impl in list(self.registry.plugins.hook.validate_arguments.get_hookimpls()):
            try:
                impl.function(**{"args": args} if impl.argnames else {})
            except H2OKError:
                raise
            except ValueError as e:
                raise IllegalArgumentError(f"Extension '{impl.plugin_name}' refuses the options: {e}") from e
            except (Exception, SystemExit) as e:
                self._out(impl.plugin_name, "validate_arguments", e)

    def _out(self, core: str, hook: str, error: BaseException) -> None:
        """Take a core extension out; one that was asked for by name ends the start instead."""
        x = self.registry.owner(core)
        text = self.registry.fail_core(core, hook, error)
        if x is not None and x.name in self._required:
            raise H2OKError(f"Extension '{x.name}' is wanted by --ext, but failed: {text}") from error

    def _refuse_public(self, args: argparse.Namespace) -> None:
        """SECURITY: whoever reaches the port may run anything H2O can do."""
        guarded = bool(self.registry.plugins.hook.authenticate.get_hookimpls() or self.registry.provided(Auth))
        web = args.web_ip or args.ip
        if not args.insecure and not guarded and not is_loopback(web):
            raise H2OKError(
                f"Refusing to serve REST on the public address {web} without authentication. Leave out --ip and --web-ip to serve "
                "this machine only, install an authentication extension, or pass --insecure if the network is trusted."
            )
        if not args.insecure and not is_loopback(args.ip) and not cluster_secret(args.cluster_secret):
            raise H2OKError(
                f"Refusing to talk to other nodes on the public address {args.ip} without encryption. Give all nodes the same "
                "--cluster-secret FILE (or set H2OK_CLUSTER_SECRET to the same text), or pass --insecure if the network is trusted."
            )


def _extension_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("extensions")
    group.add_argument("--ext", action="append", default=[], metavar="NAME", help="an extension that must be active")
    group.add_argument("--no-ext", action="append", default=[], metavar="NAME", help="an extension to keep out")
    group.add_argument(
        "-D", action="append", default=[], metavar="NAME=VALUE", help="one of H2O's properties, such as ext.core.toggle.NAME"
    )


def _env(name: str, default: str) -> str:
    return os.environ.get(f"H2OK_{name}", default)


def _env_int(name: str, default: int = 0) -> int:
    text = _env(name, str(default))
    try:
        return int(text)
    except ValueError as e:
        raise IllegalArgumentError(f"H2OK_{name} must be a whole number; got '{text}'.") from e


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"


def _rest_socket(args: argparse.Namespace) -> socket.socket:
    if args.port:
        return listen(args.web_ip or args.ip, args.port)
    return free_port(args.ip, args.base_port, args.web_ip)


def _node_config(args: argparse.Namespace, port: int, ice_root: str) -> NodeConfig:
    roots = tuple(filter(None, os.environ.get("H2OK_ALLOWED_ROOTS", "").split(os.pathsep)))
    return NodeConfig(
        name=args.name,
        ip=args.ip,
        port=port,
        nthreads=worker_threads(args.nthreads),
        max_mem=memory_limit(args.max_mem),
        ice_root=ice_root,
        allowed_roots=roots,
        cluster_secret=cluster_secret(args.cluster_secret),
        replicas=args.replicas,
        elastic=not args.no_join,
    )


@contextlib.contextmanager
def _logging(args: argparse.Namespace, address: str, ice_root: Path, level: int) -> Iterator[LogBook]:
    """Log to memory, a file and standard output while the context lasts."""
    logs = LogBook(address, Path(args.log_dir) if args.log_dir else ice_root / "h2ologs", level)
    console = ConsoleHandler(logs, sys.stdout, logging.ERROR if args.quiet else level)
    root = logging.getLogger("h2ok")
    before = root.level, root.propagate
    root.setLevel(level)
    root.propagate = False
    root.addHandler(logs)
    root.addHandler(console)
    try:
        yield logs
    finally:
        root.removeHandler(console)
        root.removeHandler(logs)
        root.setLevel(before[0])
        root.propagate = before[1]
        logs.close()


def _start_node(config: NodeConfig, flatfile: list[str], registry: Registry, *, seeks: bool) -> Node:
    from h2ok.kernel.boot import start_node

    return start_node(config, flatfile, extension_hash=registry.set_hash(), extensions=registry.versions(), seeks=seeks)


def _describe(config: NodeConfig, settings: Settings) -> None:
    import platform

    _log.info("----- h2ok started -----")
    _log.info("h2ok version: %s, compatible with H2O %s", H2OK_VERSION, settings.h2o_version)
    _log.info("Python version: %s on %s", platform.python_version(), platform.platform())
    threads = "1 worker thread" if config.nthreads == 1 else f"{config.nthreads} worker threads"
    _log.info("Cloud '%s', node %s:%s, %s", config.name, config.ip, config.port, threads)
    memory = (
        f"at most {config.max_mem >> 20} MB for this process in all (--max-mem)" if config.max_mem else "not limited (--max-mem)"
    )
    _log.info("Memory: %s, ice root: %s", memory, config.ice_root)


def _await_cloud(node: Node, size: int, stop: threading.Event, report: Report) -> bool:
    """Wait for the cloud in small steps, so that a signal ends the wait; false when it was not formed.

    A node that a cloud lets wait, waits for as long as that takes.
    """
    deadline = time.monotonic() + _FORM_SECONDS
    while not stop.is_set() and not node.cloud.failure:
        try:
            node.cloud.wait_for_size(size, 0.5)
        except CloudLockedError:
            return False
        except CloudTimeoutError:
            if time.monotonic() > deadline and not node.cloud.outside:
                raise
            report.tell(node.cloud.outside or f"the cloud has {node.cloud.size} of {size} nodes")
        else:
            report.tell("")
            _log.info("Cloud of size %d formed [%s]", node.cloud.size, ", ".join("/" + m.name for m in node.cloud.members))
            return True
    return False


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set ``stop`` while the context lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(n, lambda *_: stop.set()) for n in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _watch_stdin(stop: threading.Event) -> None:
    """End when whoever started us is gone: its end of the pipe closes with it."""
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    stop.set()
