"""What becomes of a transfer whose target exists."""

from pathlib import Path

import pytest

from core.engine.conflicts import Course, decide
from core.model.account import Account, AccountKind
from core.model.transfer import Conflict, Direction, Options, State, Transfer
from core.protocol.commands import AnswerQuestions
from core.protocol.rows import Selection
from core.stores.memory.contents import forget
from core.stores.memory.faults import Fault
from core.stores.memory.store import MemoryStore
from tests.core.engine.bench import EVERYTHING, Bench, until
from tests.support.bodies import BytesBody, some_bytes


def transfer_to(destination: str, **facts: object) -> Transfer:
    direction = Direction.UP if destination.startswith("s3:") else Direction.DOWN
    return Transfer(1, 1, direction, State.RUNNING, "/source", "", destination, "", 1, **facts)  # type: ignore[arg-type]


@pytest.fixture
async def store():
    store = MemoryStore(Account("conflicts", AccountKind.MEMORY))
    await store.create_bucket("b")
    yield store
    forget("conflicts")


@pytest.mark.parametrize("policy", list(Conflict))
async def test_a_free_target_is_no_question(store: MemoryStore, tmp_path: Path, policy: Conflict) -> None:
    for destination in ("s3://b/k", str(tmp_path / "f")):
        decision = await decide(transfer_to(destination), Options(conflict=policy), store)
        assert decision.course is Course.GO
        assert decision.transfer.destination == destination
        assert decision.replace == (policy is Conflict.OVERWRITE)


@pytest.mark.parametrize(
    ("policy", "course"),
    [
        (Conflict.OVERWRITE, Course.GO),
        (Conflict.SKIP, Course.SKIP),
        (Conflict.ASK, Course.ASK),
        (Conflict.RENAME, Course.GO),
    ],
)
@pytest.mark.parametrize("by_answer", [False, True])
async def test_a_taken_target(
    store: MemoryStore, tmp_path: Path, policy: Conflict, course: Course, by_answer: bool
) -> None:
    await store.put_object("b", "k", BytesBody(b"x"))
    (tmp_path / "f").write_bytes(b"x")
    answer = policy if by_answer else None
    options = Options(conflict=Conflict.ASK if by_answer else policy)
    for destination in ("s3://b/k", str(tmp_path / "f")):
        decision = await decide(transfer_to(destination, answer=answer), options, store)
        assert decision.course is course
        assert decision.replace == (policy is Conflict.OVERWRITE)
        renamed = f"{destination} (2)" if policy is Conflict.RENAME else destination
        assert decision.transfer.destination == renamed


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("a.txt", "a (2).txt"),
        ("a.tar.gz", "a.tar (2).gz"),
        (".profile", ".profile (2)"),
        ("name", "name (2)"),
        ("a.", "a (2)."),
        ("x//a.txt", "x//a (2).txt"),
        ("/a", "/a (2)"),
    ],
)
async def test_new_names_keep_their_ending_and_place(store: MemoryStore, name: str, renamed: str) -> None:
    await store.put_object("b", name, BytesBody(b"x"))
    decision = await decide(transfer_to(f"s3://b/{name}"), Options(conflict=Conflict.RENAME), store)
    assert decision.transfer.destination == f"s3://b/{renamed}"


async def test_the_first_free_name(store: MemoryStore, tmp_path: Path) -> None:
    for name in ("f.txt", "f (2).txt", "f (4).txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "f (3).txt").symlink_to("nowhere")  # taken too
    decision = await decide(transfer_to(str(tmp_path / "f.txt")), Options(conflict=Conflict.RENAME), store)
    assert decision.transfer.destination == str(tmp_path / "f (5).txt")


async def test_what_is_under_way_is_not_asked_about(store: MemoryStore) -> None:
    await store.put_object("b", "k", BytesBody(b"x"))
    for facts in ({"part_size_bytes": 5}, {"intent": "put@1.0"}):
        decision = await decide(transfer_to("s3://b/k", **facts), Options(conflict=Conflict.ASK), store)
        assert (decision.course, decision.replace) == (Course.GO, False)


# --- in the engine


@pytest.mark.parametrize(
    ("answer", "state", "held"),
    [
        (Conflict.OVERWRITE, State.DONE, {"f": b"mine"}),
        (Conflict.SKIP, State.SKIPPED, {"f": b"theirs"}),
        (Conflict.RENAME, State.DONE, {"f": b"theirs", "f (2)": b"mine"}),
    ],
)
async def test_answers(bench: Bench, tmp_path: Path, answer: Conflict, state: State, held: dict[str, bytes]) -> None:
    await bench.put("f", b"theirs")
    (tmp_path / "f").write_bytes(b"mine")
    batch = await bench.upload(str(tmp_path / "f"), conflict=Conflict.ASK)
    await bench.rested(batch)
    row = await bench.row(batch)
    assert (row.state, row.question) == (State.ASKING, "exists")
    assert set(row.answers) == {"overwrite", "rename", "skip"}
    await bench.call(AnswerQuestions(selection=Selection(ids=(row.id,)), answer=answer))
    await until(lambda: bench.engine.transfers.counts[state] == 1)
    assert bench.everything() == held
    row = await bench.row(batch)
    assert (row.question, row.answers) == ("", ())


async def test_an_answer_for_the_whole_batch(bench: Bench) -> None:
    names = [f"f{number:02}" for number in range(30)]
    for name in names:
        await bench.put(name, b"theirs")
    bench.faults(Fault("head", times=0, delay_s=0.05))  # so that some look while the answer comes
    await bench.settings(files_parallel=8)
    batch = await bench.upload(*(bench.file(name) for name in names), conflict=Conflict.ASK)
    await until(lambda: bench.engine.transfers.counts[State.ASKING] >= 3)
    first = next(row for row in await bench.rows(batch) if row.state is State.ASKING)
    await bench.call(AnswerQuestions(selection=Selection(ids=(first.id,)), answer=Conflict.OVERWRITE, for_batch=True))
    await bench.done(batch)
    assert {bench.held(name) for name in names} == {some_bytes(1000, 1)}


@pytest.mark.parametrize(
    ("policy", "state", "keys"),
    [
        (Conflict.SKIP, State.SKIPPED, ["f"]),
        (Conflict.RENAME, State.DONE, ["f", "f (2)"]),
        (Conflict.ASK, State.ASKING, ["f"]),
        (Conflict.OVERWRITE, State.DONE, ["f"]),
    ],
)
async def test_an_object_that_appears_meanwhile(bench: Bench, policy: Conflict, state: State, keys: list[str]) -> None:
    bench.faults(Fault("put_object", delay_s=0.2))
    batch = await bench.upload(bench.file("f"), conflict=policy)
    await until(lambda: bench.script.count("put_object") == 1)
    await bench.put("f", b"theirs")
    await until(lambda: bench.engine.transfers.counts[state] == 1)
    assert bench.keys() == keys
    assert bench.held("f") == (b"theirs" if policy is not Conflict.OVERWRITE else some_bytes(1000, 1))
    await bench.rested(batch)


@pytest.mark.parametrize(
    ("policy", "state", "names"),
    [
        (Conflict.SKIP, State.SKIPPED, ["k"]),
        (Conflict.RENAME, State.DONE, ["k", "k (2)"]),
        (Conflict.OVERWRITE, State.DONE, ["k"]),
    ],
)
async def test_a_file_that_appears_meanwhile(
    bench: Bench, tmp_path: Path, policy: Conflict, state: State, names: list[str]
) -> None:
    await bench.put("k", b"remote")
    into = tmp_path / "in"
    into.mkdir()
    bench.faults(Fault("get_range", delay_s=0.2))
    await bench.download("s3://b/k", to=f"{into}/", conflict=policy)
    await until(lambda: bench.script.count("get_range") == 1)
    (into / "k").write_bytes(b"mine")
    await until(lambda: bench.engine.transfers.counts[state] == 1)
    assert sorted(path.name for path in into.iterdir()) == names  # and no temporary file
    assert (into / "k").read_bytes() == (b"remote" if policy is Conflict.OVERWRITE else b"mine")
    if policy is Conflict.RENAME:
        assert (into / "k (2)").read_bytes() == b"remote"
        assert bench.script.count("get_range") == 1  # what was fetched goes to the new name


async def test_a_file_that_appeared_and_is_asked_about(bench: Bench, tmp_path: Path) -> None:
    await bench.put("k", b"remote")
    into = tmp_path / "in"
    into.mkdir()
    bench.faults(Fault("get_range", delay_s=0.2))
    await bench.download("s3://b/k", to=f"{into}/", conflict=Conflict.ASK)
    await until(lambda: bench.script.count("get_range") == 1)
    (into / "k").write_bytes(b"mine")
    await until(lambda: bench.engine.transfers.counts[State.ASKING] == 1)
    await bench.call(AnswerQuestions(selection=EVERYTHING, answer=Conflict.SKIP))
    await until(lambda: bench.engine.transfers.counts[State.SKIPPED] == 1)
    assert (into / "k").read_bytes() == b"mine"
    assert sorted(path.name for path in into.iterdir()) == ["k"]
