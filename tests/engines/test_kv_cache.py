from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jupyter_llm.engines.llama_cpp.kv_cache import KVCache, common_prefix
from jupyter_llm.engines.llama_cpp.sight import num_positions

NUM_CELLS = 40
NUM_SEQUENCES = 6


class FakeMemory:
    """What llama.cpp would hold: for each sequence the positions it has."""

    def __init__(self) -> None:
        self.lengths = dict.fromkeys(range(NUM_SEQUENCES), 0)
        self.can_truncate = True

    def copy(self, source: int, target: int, length: int) -> None:
        assert self.lengths[source] >= length
        assert self.lengths[target] == 0
        self.lengths[target] = length

    def truncate(self, sequence_id: int, length: int) -> bool:
        if self.can_truncate:
            self.lengths[sequence_id] = min(self.lengths[sequence_id], length)
        return self.can_truncate

    def clear(self, sequence_id: int) -> None:
        self.lengths[sequence_id] = 0


def make_cache(*, keeps_prefixes: bool = True) -> tuple[KVCache, FakeMemory]:
    memory = FakeMemory()
    cache = KVCache(
        memory, num_cells=NUM_CELLS, num_sequences=NUM_SEQUENCES, keeps_prefixes=keeps_prefixes
    )
    return cache, memory


def compute(cache: KVCache, memory: FakeMemory, tokens: list[int]) -> int:
    sequence_id, num_reused = cache.open(tokens)
    assert cache.reserve(len(tokens) - num_reused)
    cache.extend(sequence_id, tokens[num_reused:])
    memory.lengths[sequence_id] = len(tokens)
    return sequence_id


def test_a_prefix_is_shared_and_not_computed_again() -> None:
    cache, memory = make_cache()
    cache.close(compute(cache, memory, [1, 2, 3, 4]))
    sequence_id, num_reused = cache.open([1, 2, 3, 9, 9])
    assert num_reused == 3
    assert memory.lengths[sequence_id] == 3
    assert cache.num_used == 4


def test_an_image_is_shared_whole_or_not_at_all() -> None:
    cache, memory = make_cache()
    image = [-2, -2, -2]
    cache.close(compute(cache, memory, [1, *image]))
    assert cache.open([1, *image, 5])[1] == 4
    assert cache.open([1, *image])[1] == 1
    assert cache.open([1, -4, -4, -4, 5])[1] == 1
    assert cache.open([1, *image, *image, 5])[1] == 1


def test_cells_are_cut_and_copied_at_positions_where_tokens_share_them() -> None:
    memory = FakeMemory()
    cache = KVCache(
        memory,
        num_cells=NUM_CELLS,
        num_sequences=NUM_SEQUENCES,
        keeps_prefixes=True,
        position_behind=num_positions,
    )
    image = [-2, -2, -1, -1, -1]
    assert compute(cache, memory, [1, *image, 7, 8]) == 0
    target, num_reused = cache.open([1, *image, 9])
    assert (num_reused, memory.lengths[target]) == (6, 3)


def test_the_last_token_is_always_computed() -> None:
    cache, memory = make_cache()
    cache.close(compute(cache, memory, [1, 2, 3]))
    assert cache.open([1, 2, 3])[1] == 2


def test_a_running_sequence_shares_what_it_has_computed() -> None:
    cache, memory = make_cache()
    compute(cache, memory, [1, 2, 3])
    assert cache.open([1, 2, 3, 4])[1] == 3


def test_old_prefixes_make_room_but_running_sequences_do_not() -> None:
    cache, memory = make_cache()
    cache.close(compute(cache, memory, list(range(100, 120))))
    compute(cache, memory, list(range(15)))
    assert not cache.reserve(NUM_CELLS)
    assert cache.reserve(NUM_CELLS - 15)
    assert cache.num_used == 15


def test_a_longer_sequence_replaces_the_prefix_it_grew_from() -> None:
    cache, memory = make_cache()
    cache.close(compute(cache, memory, [1, 2]))
    cache.close(compute(cache, memory, [1, 2, 3]))
    assert sum(length > 0 for length in memory.lengths.values()) == 1


def test_a_state_that_cannot_be_cut_is_computed_afresh() -> None:
    cache, memory = make_cache(keeps_prefixes=False)
    cache.close(compute(cache, memory, [1, 2, 3]))
    assert cache.open([1, 2, 3, 4])[1] == 0
    assert cache.num_used == 0


def test_common_prefix() -> None:
    assert common_prefix([], [1]) == 0
    assert common_prefix([1, 2, 3], [1, 2, 3, 4]) == 3
    assert common_prefix([1, 2, 9, 4], [1, 2, 3, 4]) == 2


tokens = st.lists(st.integers(0, 1), min_size=1, max_size=12)


class CacheMachine(RuleBasedStateMachine):
    """Open, extend, close and drop at random; the books must always balance."""

    def __init__(self) -> None:
        super().__init__()
        self.cache, self.memory = make_cache()
        self.busy: dict[int, list[int]] = {}

    @precondition(lambda self: len(self.busy) < NUM_SEQUENCES - 1)
    @rule(wanted=tokens)
    def start(self, wanted: list[int]) -> None:
        fits = self.cache.fits(wanted, 0)
        sequence_id, num_reused = self.cache.open(wanted)
        assert sequence_id not in self.busy
        assert num_reused < len(wanted)
        assert self.memory.lengths[sequence_id] == num_reused
        assert self.cache.reserve(len(wanted) - num_reused) == fits
        if fits:
            self.cache.extend(sequence_id, wanted[num_reused:])
            self.memory.lengths[sequence_id] = len(wanted)
            self.busy[sequence_id] = wanted
        else:
            self.cache.drop(sequence_id)

    @precondition(lambda self: self.busy)
    @rule(token=st.integers(0, 1), data=st.data())
    def extend(self, token: int, data: st.DataObject) -> None:
        sequence_id = data.draw(st.sampled_from(sorted(self.busy)))
        if self.cache.reserve(1):
            self.cache.extend(sequence_id, [token])
            self.memory.lengths[sequence_id] += 1
            self.busy[sequence_id] = [*self.busy[sequence_id], token]

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), keep=st.booleans(), can_truncate=st.booleans())
    def end(self, data: st.DataObject, keep: bool, can_truncate: bool) -> None:
        self.memory.can_truncate = can_truncate
        sequence_id = data.draw(st.sampled_from(sorted(self.busy)))
        (self.cache.close if keep else self.cache.drop)(sequence_id)
        del self.busy[sequence_id]

    @invariant()
    def running_sequences_keep_all_they_computed(self) -> None:
        for sequence_id, held in self.busy.items():
            assert self.memory.lengths[sequence_id] == len(held)

    @invariant()
    def cells_are_counted_once_and_all_come_back(self) -> None:
        assert 0 <= self.cache.num_used <= NUM_CELLS
        if not any(self.memory.lengths.values()):
            assert self.cache.num_used == 0

    def teardown(self) -> None:
        for sequence_id in self.busy:
            self.cache.close(sequence_id)
        assert self.cache.reserve(NUM_CELLS)
        assert self.cache.num_used == 0


CacheMachine.TestCase.settings = settings(max_examples=60, deadline=None)
TestCacheMachine = CacheMachine.TestCase
