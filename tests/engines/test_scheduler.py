from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_llm.engines.common.pace import MIN_CHUNK, PrefillPace
from jupyter_llm.engines.llama_cpp.kv_cache import KVCache
from jupyter_llm.engines.llama_cpp.scheduler import Scheduler, Work
from jupyter_llm.engines.llama_cpp.sequence import Sequence
from jupyter_llm.types import FinishReason, GenerationRequest, SamplingParams, TokenChunk

NEXT_TOKEN = 7
BATCH_SIZE = 32


class Letters:
    """A vocabulary of small numbers; none ends an answer."""

    def piece(self, token: int) -> bytes:
        return bytes([97 + token % 26])

    def ends_generation(self, token: int) -> bool:
        return token < 0


class NoMemory:
    """The books are tested elsewhere; here llama.cpp does as it is told."""

    def copy(self, *_: int) -> None: ...

    def truncate(self, *_: int) -> bool:
        return True

    def clear(self, *_: int) -> None: ...


ids = count()


def sequence(prompt: list[int], max_tokens: int = 4, user: str = "") -> Sequence:
    sampling = SamplingParams(max_tokens=max_tokens)
    request = GenerationRequest(id=str(next(ids)), model_id="m", sampling=sampling, user=user)
    return Sequence(request, prompt, Letters(), room=1000)


def scheduler(num_cells: int = 1000, slots: int = 4) -> Scheduler:
    cache = KVCache(NoMemory(), num_cells=num_cells, num_sequences=2 * slots, keeps_prefixes=True)
    return Scheduler(cache, slots=slots, batch_size=BATCH_SIZE)


def step(
    machine: Scheduler, budget: int = BATCH_SIZE
) -> tuple[list[Work], dict[Sequence, TokenChunk]]:
    works = machine.plan(budget)
    chunks = {}
    for work in works:
        machine.complete(work)
        if work.draws and (chunk := work.sequence.take(NEXT_TOKEN, None)):
            chunks[work.sequence] = chunk
            if chunk.finish_reason:
                machine.remove(work.sequence)
    return works, chunks


def run(machine: Scheduler) -> dict[Sequence, str]:
    texts: dict[Sequence, str] = {}
    for _ in range(2000):
        if machine.is_idle:
            return texts
        for owner, chunk in step(machine)[1].items():
            texts[owner] = texts.get(owner, "") + chunk.text
    raise AssertionError("the scheduler does not come to an end")


def test_a_long_prompt_is_read_in_chunks_beside_others_answers() -> None:
    machine = scheduler()
    short, long = sequence([1, 2], max_tokens=10), sequence(list(range(100)))
    machine.add(short)
    step(machine)
    machine.add(long)
    works, _ = step(machine, budget=20)
    assert [(w.sequence, w.num_tokens, w.draws) for w in works] == [
        (short, 1, True),
        (long, 20, False),
    ]
    assert works[1].is_prefill
    assert not works[0].is_prefill


def test_a_step_never_exceeds_the_batch() -> None:
    machine = scheduler()
    for start in range(4):
        machine.add(sequence([start, *range(50)]))
    while not machine.is_idle:
        works, _ = step(machine, budget=10 * BATCH_SIZE)
        assert 0 < sum(work.num_tokens for work in works) <= BATCH_SIZE


def test_no_more_run_than_there_are_slots() -> None:
    machine = scheduler(slots=2)
    for start in range(5):
        machine.add(sequence([start, 1]))
    step(machine)
    assert (len(machine.running), len(machine.waiting)) == (2, 3)
    assert len(run(machine)) == 5


def test_the_youngest_gives_way_when_cells_run_out_and_still_finishes() -> None:
    machine = scheduler(num_cells=64, slots=2)
    first, second = sequence([1] * 20, max_tokens=40), sequence([2] * 20, max_tokens=40)
    machine.add(first)
    machine.add(second)
    finished: list[Sequence] = []
    while not machine.is_idle:
        _, chunks = step(machine)
        finished += [owner for owner, chunk in chunks.items() if chunk.finish_reason]
        assert first in machine.running or first in finished
    assert machine.num_preemptions > 0
    assert finished == [first, second]
    assert [s.num_completion for s in finished] == [40, 40]


def test_a_shared_prefix_is_computed_once_even_when_all_come_at_once() -> None:
    machine = scheduler(slots=4)
    prefix = list(range(1000, 1400))
    everyone = [sequence([*prefix, last]) for last in range(4)]
    for one in everyone:
        machine.add(one)
    num_prompt_tokens = 0
    while not machine.is_idle:
        works, _ = step(machine)
        num_prompt_tokens += sum(work.num_tokens for work in works if work.is_prefill)
    # The others start once less than WORTH_WAITING_FOR of the prefix is missing.
    assert num_prompt_tokens <= 400 + 4 + 3 * 64
    assert sorted(one.num_cached for one in everyone)[1] >= 336


def test_a_large_prompt_that_must_wait_is_not_overtaken() -> None:
    machine = scheduler(num_cells=100)
    machine.add(sequence([1] * 60, max_tokens=30))
    step(machine)
    large, small = sequence([2] * 50), sequence([3])
    machine.add(large)
    machine.add(small)
    step(machine)
    assert list(machine.waiting) == [large, small]
    assert len(run(machine)) == 3


class TestUsers:
    def test_a_newcomer_finds_cells_where_another_user_has_taken_them_all(self) -> None:
        machine = scheduler(num_cells=120)
        heavy = [sequence([number] * 30, max_tokens=60, user="heavy") for number in range(3)]
        for one in heavy:
            machine.add(one)
        for _ in range(10):
            step(machine)
        assert machine.waiting
        light = sequence([9] * 20, user="light")
        machine.add(light)
        step(machine)
        assert light in machine.running
        assert heavy[0] in machine.running
        assert len(run(machine)) == 4

    def test_a_newcomer_does_not_take_the_only_one_of_another_user(self) -> None:
        machine = scheduler(num_cells=100)
        first, second = (
            sequence([n] * 60, max_tokens=30, user=user) for n, user in enumerate("ab")
        )
        machine.add(first)
        step(machine)
        step(machine)
        machine.add(second)
        step(machine)
        assert machine.running == [first]
        assert list(run(machine)) == [first, second]

    def test_cells_that_run_out_are_taken_from_who_has_most(self) -> None:
        machine = scheduler(num_cells=64)
        heavy = [sequence([n] * 10, max_tokens=30, user="heavy") for n in range(2)]
        light = sequence([9] * 4, max_tokens=20, user="light")
        for one in (*heavy, light):
            machine.add(one)
        while not machine.num_preemptions:
            step(machine)
        assert set(machine.running) == {heavy[0], light}
        assert len(run(machine)) == 3

    def test_a_short_prompt_is_not_read_behind_the_long_ones_of_another_user(self) -> None:
        machine = scheduler()
        for number in range(3):
            machine.add(sequence([number] * 200, user="heavy"))
        machine.add(sequence([9] * 10, user="light"))
        works, _ = step(machine)
        assert [(w.sequence.request.user, w.num_tokens) for w in works] == [
            ("light", 10),
            ("heavy", BATCH_SIZE - 10),
        ]

    def test_nor_in_a_step_that_is_made_long_by_them(self) -> None:
        machine = scheduler()
        machine.add(sequence([1], max_tokens=50, user="heavy"))
        step(machine)
        for number in range(2):
            machine.add(sequence([2 + number] * 200, user="heavy"))
        machine.add(sequence([9] * 10, user="light"))
        works, _ = step(machine)
        assert [(w.sequence.request.user, w.num_tokens) for w in works] == [
            ("heavy", 1),
            ("light", 10),
        ]

    def test_one_users_prompts_are_read_one_after_another(self) -> None:
        machine = scheduler()
        for length in (20, 8, 30):
            machine.add(sequence([length] * length))
        works, _ = step(machine)
        assert [work.num_tokens for work in works] == [20, 8, BATCH_SIZE - 28]


def test_a_cancelled_sequence_is_gone_wherever_it_stands() -> None:
    machine = scheduler(slots=1)
    running, waiting = sequence(list(range(100))), sequence([5])
    machine.add(running)
    machine.add(waiting)
    step(machine)
    machine.remove(waiting)
    machine.remove(running)
    assert machine.is_idle


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.integers(1, 40), st.sampled_from(["", "a", "b"])),
        min_size=1,
        max_size=12,
    ),
    st.integers(100, 160),
    st.integers(1, 5),
)
def test_everybody_gets_the_whole_answer(
    requests: list[tuple[int, int, str]], num_cells: int, slots: int
) -> None:
    machine = scheduler(num_cells=num_cells, slots=slots)
    wanted = {}
    for number, (length, max_tokens, user) in enumerate(requests):
        one = sequence([number % 3] * length, max_tokens, user)
        wanted[one] = max_tokens
        machine.add(one)
    texts = run(machine)
    assert {one: len(texts[one]) for one in wanted} == wanted


def test_a_stop_string_ends_an_answer_over_token_borders() -> None:
    request = GenerationRequest(id="r", model_id="m", sampling=SamplingParams(stop=("bc",)))
    one = Sequence(request, [1], Letters(), room=100)
    chunks = [one.take(token, None) for token in (0, 1, 2)]
    assert [chunk.text for chunk in chunks if chunk] == ["a", ""]
    assert chunks[-1] is not None
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].stop == "bc"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


def test_text_held_back_comes_out_at_the_end() -> None:
    sampling = SamplingParams(stop=("bz",), max_tokens=2)
    one = Sequence(
        GenerationRequest(id="r", model_id="m", sampling=sampling), [1], Letters(), room=100
    )
    first, last = one.take(0, None), one.take(1, None)
    assert first is not None
    assert last is not None
    assert (first.text, last.text, last.finish_reason) == ("a", "b", FinishReason.LENGTH)


def test_the_end_token_is_not_part_of_the_answer() -> None:
    one = sequence([1])
    chunk = one.take(-1, None)
    assert chunk is not None
    assert chunk.usage is not None
    assert (chunk.text, chunk.finish_reason, chunk.usage.completion_tokens) == ("", "stop", 0)


def test_prompts_are_read_as_fast_as_the_target_allows() -> None:
    pace = PrefillPace(batch_size=512)
    assert pace.budget(others_decode=False) == 64
    pace.observe(100, duration_s=1.0)
    assert pace.budget(others_decode=False) == 50
    assert pace.budget(others_decode=True) == 35
    for _ in range(50):
        pace.observe(MIN_CHUNK, duration_s=1.0)
    assert pace.budget(others_decode=True) == MIN_CHUNK
    for _ in range(50):
        pace.observe(512, duration_s=0.01)
    assert pace.budget(others_decode=True) == 512
