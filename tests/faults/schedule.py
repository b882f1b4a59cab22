"""A seeded random schedule of faults against a cloud of real processes that is at work.

    python tests/faults/schedule.py --rounds 100 --seed 1              # one cloud with a copy of everything
    python tests/faults/schedule.py --rounds 100 --seed 1 --namespaces # as root: links are cut too
    python tests/faults/schedule.py --rounds 20 --seed 1 --replicas 0  # every loss takes data along
    python tests/faults/schedule.py --seed 1 --start 40 --seconds 200  # a part of it
    python tests/faults/schedule.py --rounds 60 --same-address         # a lost node is started again by the same command
    python tests/faults/schedule.py --rounds 20 --supervised           # h2ok start --nodes 3; its first process is killed

A round picks what the cloud does (nothing, a parse, MRTasks, a GBM, a GBM that is cancelled), who is hit (any of the three: the
leader and the node that was asked among them) and how (kill -9, SIGSTOP for 5 s or until it is declared dead, a cut link likewise).
Every answer must come in time, everything that was stored must be there with the same bits, no key may be left over, and the
next round starts with three nodes again. A node that is started again at its address must be back within 10 s, and must not say
that it is ready before.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __package__:
    from .cloud import FaultError, Member, RealCloud, real_cloud, wait
    from .network import namespaces_work
    from .supervised import SupervisedCloud
else:
    from cloud import FaultError, Member, RealCloud, real_cloud, wait
    from network import namespaces_work
    from supervised import SupervisedCloud

#: Seconds until a loss must be known: a closed connection, silence; until a job without its data must have ended.
CLOSED_SECONDS, SILENT_SECONDS, FAIL_SECONDS = 3.0, 12.0, 15.0
PAUSE_SECONDS = 5.0
#: Until a node that is started again at its address must be in the cloud.
BACK_SECONDS = 10.0
#: Machines that do other work too are given more time.
_GBM = {"response_column": "y", "ntrees": 40, "max_depth": 5, "seed": 7, "ignore_const_cols": False}
_GROUPS = '(GB air [2] mean 0 "all" sum 1 "all" nrow 0 "all")'
#: kill -9; SIGSTOP for 5 s; SIGSTOP until declared dead; the same two with a cut link.
FAULTS = ("kill", "kill", "pause", "silence")
LINK_FAULTS = ("cut", "isolate")
ACTIVITIES = ("idle", "parse", "task", "gbm", "cancel")


@dataclass
class Work:
    """What the cloud is doing while it is hit. ``check`` raises FaultError when the end is not the right one."""

    start: Callable[[], None] = lambda: None
    check: Callable[[Member | None], None] = lambda lost: None
    undo: Callable[[], None] = lambda: None


class Return:
    """Watches a node that is being started again; ``seconds`` until it was back, from its end on."""

    def __init__(self, cloud: RealCloud, lost: Member) -> None:
        self._cloud, self._lost = cloud, lost
        self.member: Member | None = None
        self.seconds = math.inf
        self._errors: list[Exception] = []
        self._began = time.monotonic()
        if not isinstance(cloud, SupervisedCloud):
            self.member = cloud.start_again(lost)
        self._thread = threading.Thread(target=self._watch, name="return", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        try:
            if self.member is None:
                self.member = self._cloud.start_again(self._lost)
            member = self.member
            if wait(lambda: self._cloud.is_back(member), 3 * BACK_SECONDS):
                self.seconds = time.monotonic() - self._began
        except Exception as e:  # shown by the round
            self._errors.append(e)

    def check(self) -> float:
        """Seconds until it was back. Raises FaultError when it was not, or too late."""
        self._thread.join(4 * BACK_SECONDS)
        if self._errors:
            raise FaultError(f"{self._lost.name} was started again: {self._errors[0]}") from self._errors[0]
        if self.seconds > BACK_SECONDS:
            raise FaultError(f"{self._lost.name} was back after {self.seconds:.1f} s, {BACK_SECONDS} s were allowed")
        return self.seconds


@dataclass
class Schedule:
    """Rounds on one cloud. ``driver``: the node that is asked to work, ``victim`` the one that is hit."""

    cloud: RealCloud
    seed: int
    folder: Path
    expected: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = FAULTS
    activities: tuple[str, ...] = ACTIVITIES
    slowest: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    rng: random.Random = field(default_factory=random.Random)
    returning: Return | None = None
    latest_return: float = 0.0

    # -- what there is ------------------------------------------------------------------------------------------------

    def prepare(self, rows: int = 40_000) -> None:
        """Load a frame, train a model, and note what they look like."""
        rng = random.Random(3)
        lines = ["a,b,c,d,y"]
        for i in range(rows):
            a, b = rng.gauss(0, 1), rng.random()
            lines.append(f"{a:.5f},{b:.4f},g{i % 11},{i},{'yes' if a + b + rng.random() > 1 else 'no'}")
        self.csv = self.folder / "air.csv"
        self.csv.write_text("\n".join(lines) + "\n")
        m = self.cloud.members[0]
        self._parse(m, "air")
        self._await_job(m, self._train(m, "base"), 120)
        self._groups(m)
        self.expected = self._state(m)
        self.cloud.settle()
        self.keys = self._keys()

    def _parse(self, m: Member, dest: str, *, blocking: bool = True) -> str:
        raw = m.get("/3/ImportFiles", path=str(self.csv))["destination_frames"]
        setup = m.post("/3/ParseSetup", source_frames=raw)
        fields = {k: setup[k] for k in ("parse_type", "separator", "number_columns", "check_header", "chunk_size")}
        # Small pieces, so that every node has some.
        fields |= {"chunk_size": 100_000, "column_types": setup["column_types"], "column_names": setup["column_names"]}
        job = m.post("/3/Parse", source_frames=raw, destination_frame=dest, delete_on_done=True, **fields)["job"]["key"]["name"]
        if blocking:
            self._await_job(m, job, 60)
        return str(job)

    def _train(self, m: Member, key: str, ntrees: int = 0) -> str:
        fields = {**_GBM, "ntrees": ntrees or _GBM["ntrees"]}
        answer = m.post("/3/ModelBuilders/gbm", training_frame="air", model_id=key, **fields)
        return str(answer["job"]["key"]["name"])

    def _delete(self, path: str) -> None:
        answer = self.cloud.members[0].ask("DELETE", path)
        if answer.status not in (200, 404):
            raise FaultError(f"DELETE {path}: {answer.status} {str(answer.body)[:300]}")

    def _groups(self, m: Member) -> Any:
        frame = m.post("/99/Rapids", ast=f"(tmp= groups_{m.port} {_GROUPS})", session_id=f"_sid_{m.port}")["key"]["name"]
        try:
            return m.get(f"/3/Frames/{frame}")["frames"][0]["checksum"]
        finally:
            m.ask("DELETE", f"/3/Frames/{frame}")

    def _model(self, m: Member, key: str) -> Any:
        output = m.get(f"/3/Models/{key}")["models"][0]["output"]
        return output["variable_importances"]["data"], output["training_metrics"]["MSE"], output["training_metrics"]["AUC"]

    def _state(self, m: Member) -> dict[str, Any]:
        return {"frame": m.get("/3/Frames/air")["frames"][0]["checksum"], "model": self._model(m, "base")}

    def _keys(self) -> int:
        """Keys in the cloud, finished jobs aside."""
        m = self.cloud.members[0]
        held = sum(int(x.metric("h2ok_keys")) for x in self.cloud.members)
        return held - len(m.get("/3/Jobs")["jobs"]) * (1 + min(self.cloud.replicas, self.cloud.size - 1))

    # -- what it does -------------------------------------------------------------------------------------------------

    def _work(self, activity: str, driver: Member) -> Work:
        made = {"idle": Work, "parse": self._parsing, "task": self._tasks, "gbm": self._training, "cancel": self._cancelling}
        return Work() if activity == "idle" else made[activity](driver)  # type: ignore[call-arg]

    def _parsing(self, driver: Member) -> Work:
        jobs: list[str] = []

        def check(lost: Member | None) -> None:
            job = self._end_of(jobs[0], driver, lost)
            if job["status"] == "DONE":
                self._kept(
                    "parsed frame", lost, lambda m: m.get("/3/Frames/parsed")["frames"][0]["checksum"], self.expected["frame"]
                )

        def undo() -> None:
            self._delete("/3/Frames/parsed")

        return Work(lambda: jobs.append(self._parse(driver, "parsed", blocking=False)), check, undo)

    def _training(self, driver: Member) -> Work:
        jobs: list[str] = []

        def check(lost: Member | None) -> None:
            job = self._end_of(jobs[0], driver, lost)
            if job["status"] == "DONE":
                self._kept("model", lost, lambda m: self._model(m, "trained"), self.expected["model"])

        def undo() -> None:
            self._delete("/3/Models/trained")

        return Work(lambda: jobs.append(self._train(driver, "trained")), check, undo)

    def _cancelling(self, driver: Member) -> Work:
        jobs: list[str] = []

        def check(lost: Member | None) -> None:
            asked = self._alive(lost)
            began = time.monotonic()
            answer = asked.ask("POST", f"/3/Jobs/{jobs[0]}/cancel")
            if answer.status != 200:
                raise FaultError(f"cancel was answered by {answer.status}: {answer.body}")
            job = self._await_job(asked, jobs[0], FAIL_SECONDS)
            if job["status"] not in ("CANCELLED", "FAILED"):
                raise FaultError(f"the cancelled job ended {job['status']}")
            self.slowest = max(self.slowest, time.monotonic() - began)

        def undo() -> None:
            self._delete("/3/Models/trained")

        return Work(lambda: jobs.append(self._train(driver, "trained", 20_000)), check, undo)

    def _tasks(self, driver: Member) -> Work:
        """Group-bys one after another until the check."""
        stop, found, errors = threading.Event(), [0], []

        def ask() -> None:
            try:
                while not stop.is_set():
                    self._same("groups", self._groups(driver), self.expected["groups"])
                    found[0] += 1
            except ConnectionError as e:
                if driver.running:
                    errors.append(e)
            except FaultError as e:
                if not any(m.name == driver.name and not m.running for m in [driver]):
                    errors.append(e)

        self.expected.setdefault("groups", self._groups(driver))
        thread = threading.Thread(target=ask, name="groups", daemon=True)

        def check(lost: Member | None) -> None:
            stop.set()
            thread.join(40)
            if thread.is_alive():
                raise FaultError("a Rapids request hangs")
            named = lost is not None and not self.cloud.replicas and errors and lost.name in str(errors[0])
            if errors and driver is not lost and not named:
                raise FaultError(f"group-by: {errors[0]}")

        def undo() -> None:
            self._delete(f"/3/Frames/groups_{driver.port}")

        return Work(thread.start, check, undo)

    def _end_of(self, job: str, driver: Member, lost: Member | None) -> dict[str, Any]:
        """The job's end; it must be DONE, or name the node without which it could not be."""
        end = self._await_job(self._alive(lost), job, 90 if self.cloud.replicas else FAIL_SECONDS)
        if end["status"] == "DONE":
            return end
        excused = lost is not None and (not self.cloud.replicas)
        text = f"{end['exception']} {end.get('warnings')}"
        if end["status"] != "FAILED" or not excused or lost is None or lost.name not in text:
            raise FaultError(f"job {job} of {driver.name} ended {end['status']}: {text}\n{end.get('stacktrace')}")
        self.seen["jobs that failed naming the node"] += 1
        return end

    def _await_job(self, m: Member, job: str, seconds: float) -> dict[str, Any]:
        state: dict[str, Any] = {}

        def ended() -> bool:
            state.update(m.get(f"/3/Jobs/{job}")["jobs"][0])
            return state["status"] not in ("CREATED", "RUNNING", "CANCEL_PENDING")

        if not wait(ended, seconds):
            raise FaultError(f"job {job} is {state['status']} at {state['progress']} after {seconds} s: {state['progress_msg']}")
        return state

    def _same(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise FaultError(f"{what} differs: {found} instead of {wanted}")

    def _kept(self, what: str, lost: Member | None, read: Callable[[Member], Any], wanted: Any) -> None:
        """What a job made that is done; without copies it may have gone with the lost node, which the answer names then."""
        try:
            found = read(self._alive(lost))
        except FaultError as e:
            if self.cloud.replicas or lost is None or lost.name not in str(e):
                raise
            self.seen["results that went with the node, and were told so"] += 1
            return
        self._same(what, found, wanted)

    def _alive(self, lost: Member | None) -> Member:
        returns = self.returning.member if self.returning is not None else None
        return self.rng.choice([m for m in self.cloud.members if m is not lost and m is not returns])

    # -- what happens to it -------------------------------------------------------------------------------------------

    def round(self, number: int) -> None:
        """One fault; what is drawn depends on the seed and the number alone."""
        rng = self.rng = random.Random(f"{self.seed}/{number}")
        members = self.cloud.members
        activity, fault = rng.choice(self.activities), rng.choice(self.faults)
        driver, victim = rng.choice(members), rng.choice(members)
        if isinstance(self.cloud, SupervisedCloud):
            victim = self.cloud.first
        delay = rng.random() * 1.5
        who = victim.name + (" (leader)" if victim is self.cloud.leader else "")
        said = f"{number}: {fault} {who} during {activity} of {driver.name}"
        began = time.monotonic()
        try:
            work = self._work(activity, driver)
            work.start()
            time.sleep(delay)
            with self._readers(victim):
                lost, noticed = self._hit(fault, victim)
                work.check(lost)
            noticed += self._look_after(lost)
            if lost is None or self.cloud.replicas:
                work.undo()
            if self.cloud.replicas and not wait(lambda: self._keys() == self.keys, 30):
                m = self.cloud.members[0]
                frames = [f["frame_id"]["name"] for f in m.get("/3/Frames")["frames"]]
                models = [f["model_id"]["name"] for f in m.get("/3/Models")["models"]]
                self._same(f"number of keys with {frames} and {models}", self._keys(), self.keys)
        except Exception as e:
            for m in (m for m in self.cloud.members if m.running):
                print(m.stacks(), file=sys.stderr)
            words = "\n".join(m.last_words() for m in {id(m): m for m in [*self.cloud.members, victim]}.values())
            raise FaultError(f"{words}\nround {said}: {type(e).__name__}: {e}") from e
        self.seen[f"{fault} during {activity}"] += 1
        print(f"{said}: {noticed}{time.monotonic() - began:.1f} s", flush=True)

    def _hit(self, fault: str, victim: Member) -> tuple[Member | None, str]:
        """(the node that is lost by now, what to say)."""
        begin, end = {
            "kill": (victim.kill, victim.kill),
            "pause": (victim.pause, victim.go_on),
            "silence": (victim.pause, victim.go_on),
            "cut": (victim.cut, victim.mend),
            "isolate": (victim.cut, victim.mend),
        }[fault]
        before = {m.name: m.metric("h2ok_cloud_lost_nodes_total") for m in self.cloud.members if m is not victim}
        begin()
        if fault == "kill" and self.cloud.same_address:
            # Before the others know.
            self.returning = Return(self.cloud, victim)
        if fault in ("pause", "cut"):
            time.sleep(PAUSE_SECONDS)
            end()
            return None, ""
        limit = CLOSED_SECONDS if fault == "kill" else SILENT_SECONDS
        seconds = self._noticed(victim, limit, before)
        if fault != "kill":
            end()
            # It learns that it was declared dead, or sees that it is alone, and ends.
            if not wait(lambda: not victim.running, 30):
                raise FaultError(f"{victim.name} goes on though its cloud goes on without it")
            if self.cloud.same_address:
                self.returning = Return(self.cloud, victim)
        return victim, f"noticed after {seconds:.1f} s, "

    def _noticed(self, victim: Member, limit: float, before: dict[str, float]) -> float:
        """Seconds until all others had declared it dead."""
        began = time.monotonic()
        for m in list(self.cloud.members):
            if m.name in before:

                def knows(m: Member = m) -> bool:
                    return m.metric("h2ok_cloud_lost_nodes_total") > before[m.name]

                # Half a second for the requests that tell.
                if not wait(knows, limit + 0.5 - (time.monotonic() - began)):
                    raise FaultError(f"{m.name} did not notice the loss of {victim.name} within {limit} s")
        return time.monotonic() - began

    @contextmanager
    def _readers(self, victim: Member) -> Iterator[None]:
        """Every node but the victim is read all the time; every answer must come, and be right."""
        stop, errors = threading.Event(), []

        def read(m: Member) -> None:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    if self.cloud.replicas:
                        self._same("frame", m.get("/3/Frames/air")["frames"][0]["checksum"], self.expected["frame"])
                        self._same("model", self._model(m, "base"), self.expected["model"])
                    else:
                        m.ask("GET", "/3/Frames/air")
                    m.get("/3/Cloud")
                except Exception as e:
                    errors.append(e)
                    return
                self.slowest = max(self.slowest, time.monotonic() - began)
                stop.wait(0.1)

        threads = [threading.Thread(target=read, args=(m,), daemon=True) for m in self.cloud.members if m is not victim]
        for t in threads:
            t.start()
        try:
            yield
        finally:
            stop.set()
            for t in threads:
                t.join(60)
        if errors:
            raise FaultError(f"a reader met {type(errors[0]).__name__}: {errors[0]}")

    def _look_after(self, lost: Member | None) -> str:
        """Have three nodes again; what to say of it."""
        said = ""
        if lost is not None and self.returning is not None:
            seconds = self.returning.check()
            self.returning = None
            self.latest_return = max(self.latest_return, seconds)
            said = f"back after {seconds:.1f} s, "
        elif lost is not None and not self.cloud.replicas:
            return said  # a cloud that lost data stays unhealthy, for people to see
        elif lost is not None:
            self.cloud.replace(lost)
        self.cloud.settle()
        if self.cloud.replicas:
            for m in self.cloud.members:
                self._same("state", self._state(m), {k: self.expected[k] for k in ("frame", "model")})
        return said

    def finish(self) -> None:
        """Remove everything; no key may stay."""
        m = self.cloud.members[0]
        m.ask("DELETE", "/3/DKV")
        jobs = len(m.get("/3/Jobs")["jobs"])
        left = sum(int(x.metric("h2ok_keys")) for x in self.cloud.members)
        self._same("number of keys at the end", left, jobs * (1 + min(self.cloud.replicas, self.cloud.size - 1)))


def run(
    rounds: int,
    seed: int,
    replicas: int,
    namespaces: bool,
    folder: Path,
    faults: tuple[str, ...] = (),
    activities: tuple[str, ...] = ACTIVITIES,
    start: int = 0,
    seconds: float = math.inf,
    *,
    same_address: bool = False,
    supervised: bool = False,
) -> tuple[Schedule, int]:
    """(the schedule, the round that comes next); without copies every round has a cloud of its own."""
    last: Schedule | None = None
    done, end = start, time.monotonic() + seconds
    while last is None or (done < rounds and time.monotonic() < end):
        place = folder / f"cloud-{done}"
        place.mkdir(parents=True)
        options: dict[str, Any] = {"replicas": replicas}
        options |= {} if supervised else {"namespaces": namespaces, "same_address": same_address}
        with real_cloud(place, SupervisedCloud if supervised else RealCloud, **options) as cloud:
            seen, slowest = (last.seen, last.slowest) if last else (Counter(), 0.0)
            kinds = faults or ("kill",) * supervised or (FAULTS + LINK_FAULTS if namespaces else FAULTS)
            last = Schedule(cloud, seed, place, faults=kinds, activities=activities, seen=seen, slowest=slowest)
            last.prepare()
            for _ in range(rounds - start if replicas else 1):
                last.round(done)
                done += 1
                if time.monotonic() > end:
                    break
            if replicas:
                last.finish()
    return last, done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--namespaces", action="store_true", help="as root: nodes in network namespaces, so that links can be cut")
    parser.add_argument("--start", type=int, default=0, help="the first round")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no round later than this; says where to go on")
    parser.add_argument("--same-address", action="store_true", help="start a lost node again by the same command, at once")
    parser.add_argument("--supervised", action="store_true", help="a cloud of h2ok start --nodes 3, whose first process is killed")
    parser.add_argument("--faults", default="", help="only these, with commas between them")
    parser.add_argument("--activities", default=",".join(ACTIVITIES), help="only these")
    args = parser.parse_args()
    faults, activities = tuple(filter(None, args.faults.split(","))), tuple(args.activities.split(","))
    if args.namespaces and not namespaces_work():
        print("Network namespaces need root and the program 'ip'.", file=sys.stderr)
        return 2
    if (args.same_address or args.supervised) and not args.replicas:
        print("Without copies no node is started again.", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="h2ok-faults-") as folder:
        try:
            limits = {"start": args.start, "seconds": args.seconds}
            limits |= {"same_address": args.same_address, "supervised": args.supervised}
            done, following = run(
                args.rounds, args.seed, args.replicas, args.namespaces, Path(folder), faults, activities, **limits
            )
        except (FaultError, AssertionError) as e:
            print(e, file=sys.stderr)
            return 1
    print(f"{following - args.start} rounds in {time.monotonic() - began:.0f} s; slowest answer {done.slowest:.1f} s")
    if done.latest_return:
        print(f"started again, a node was back after {done.latest_return:.1f} s at the latest")
    for name, count in sorted(done.seen.items()):
        print(f"  {count:3} {name}")
    if following < args.rounds:
        print(f"go on with --start {following}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
