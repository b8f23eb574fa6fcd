from __future__ import annotations

import pytest

from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.ledger import Neighbour
from jupyter_llm.hardware.page import Page
from jupyter_llm.hardware.reckon import (
    UNBOUNDED_BYTES,
    Claim,
    Sight,
    free_bytes,
    spread,
    sum_free,
)
from jupyter_llm.hardware.survey import survey
from jupyter_llm.types import Device


def device(name: str, kind: str = "cuda", *, total: int, used: int, own: int = 0) -> Device:
    return Device(id=name, kind=kind, name=name, total_bytes=total, used_bytes=used, own_bytes=own)


def machine(
    *gpus: Device, used: int = 20, own: int = 5, mapped: int = 0, group: int = 0
) -> Reading:
    """A machine of 100 bytes of memory, in a control group of `group` if that is not 0."""
    limits = [MemoryLimit(limit_bytes=100, used_bytes=used)]
    if group:
        limits.append(MemoryLimit(limit_bytes=group, used_bytes=own, group="1:2"))
    ram = device("cpu", "cpu", total=100, used=used, own=own)
    return Reading(devices=(*gpus, ram), limits=tuple(limits))


def server(*groups: str, **page: dict[str, int]) -> Neighbour:
    return Neighbour(user_id=0, page=Page(pid=1, groups=groups or ("",), **page))


def test_free_is_what_is_not_used_less_the_margin() -> None:
    assert free_bytes(Sight(reading=machine()), "cpu", margin_bytes=7) == {"cpu": 73}


def test_a_load_counts_before_its_bytes_are_there_and_never_twice() -> None:
    """A load of 30 while the server's own memory grows from 5 to 35."""
    claim = Claim(held={"cpu": 30}, before={"cpu": 5})
    for grown in (0, 10, 30, 40):
        reading = machine(used=20 + grown, own=5 + grown)
        free = free_bytes(Sight(reading=reading, claims=[claim]), "cpu")
        assert free == {"cpu": 80 - max(grown, 30)}


def test_a_model_that_is_loaded_counts_as_the_system_counts_it() -> None:
    claim = Claim(held={"cpu": 30}, before={"cpu": 5}, is_loading=False)
    assert free_bytes(Sight(reading=machine(used=50, own=35), claims=[claim]), "cpu") == {"cpu": 50}


def test_loads_of_other_servers_count() -> None:
    others = [server(unseen={"cpu": 30}), server(unseen={"cpu": 10}), server(held={"cpu": 99})]
    assert free_bytes(Sight(reading=machine(), neighbours=others), "cpu") == {"cpu": 40}


def test_a_file_that_several_servers_map_is_in_memory_once() -> None:
    others = [server(mapped={"1:7": 30}), server(mapped={"1:7": 30, "1:8": 5})]
    sight = Sight(reading=machine(), neighbours=others)
    assert free_bytes(sight, "cpu") == {"cpu": 45}
    assert free_bytes(sight, "cpu", file="1:7") == {"cpu": 75}
    own = Claim(held={"cpu": 30}, is_loading=False, file="1:7", mapped_bytes=30)
    shares = Sight(reading=machine(), neighbours=others, claims=[own])
    assert free_bytes(shares, "cpu") == {"cpu": 75}


def test_only_servers_under_the_same_limit_take_from_it() -> None:
    """A control group of 50 of which 45 are free, on a machine with 80 free."""
    reading = machine(group=50)
    elsewhere = [server("", "1:9", unseen={"cpu": 20}, mapped={"1:7": 10})]
    assert free_bytes(Sight(reading=reading, neighbours=elsewhere), "cpu") == {"cpu": 45}
    inside = [server("", "1:2", unseen={"cpu": 20}, mapped={"1:7": 10})]
    assert free_bytes(Sight(reading=reading, neighbours=inside), "cpu") == {"cpu": 15}


GPUS = (device("GPU-a", total=80, used=20), device("GPU-b", total=40, used=20))


def test_a_model_for_gpus_has_the_memory_of_all() -> None:
    sight = Sight(reading=machine(*GPUS), neighbours=[server(unseen={"GPU-a": 15, "cpu": 9})])
    free = free_bytes(sight, "cuda", margin_bytes=5)
    assert free == {"GPU-a": 40, "GPU-b": 15}
    assert sum_free(free) == 55
    assert spread(11, free) == {"GPU-a": 8, "GPU-b": 3}


def test_a_gpu_that_is_full_takes_nothing_from_the_others() -> None:
    assert sum_free({"GPU-a": -5, "GPU-b": 15}) == 15
    assert spread(15, {"GPU-a": -5, "GPU-b": 15}) == {"GPU-a": 0, "GPU-b": 15}
    assert sum_free({"GPU-a": -5}) == -5


def test_a_build_for_gpus_uses_the_processor_where_there_is_none() -> None:
    assert free_bytes(Sight(reading=machine()), "cuda") == {"cpu": 80}


def test_what_cannot_be_read_is_no_bound() -> None:
    assert sum_free(free_bytes(Sight(reading=machine()), "vulkan")) == UNBOUNDED_BYTES


@pytest.mark.parametrize(("used", "free"), [(20, 66), (60, 40)])
def test_apples_gpu_has_the_systems_memory_within_its_working_set(used: int, free: int) -> None:
    metal = device("metal", "metal", total=66, used=66 - min(66, 100 - used))
    sight = Sight(reading=machine(metal, used=used))
    assert free_bytes(sight, "metal") == {"cpu": free}
    assert free_bytes(sight, "cpu") == {"cpu": 100 - used}


def test_a_survey_says_who_holds_what() -> None:
    gpu = device("GPU-a", total=80, used=60)
    own = Claim(held={"GPU-a": 25}, is_loading=False)
    others = [server(held={"GPU-a": 15, "cpu": 10}, mapped={"1:7": 10})]
    seen = survey(Sight(reading=machine(gpu), claims=[own], neighbours=others))
    on_gpu, ram = seen.devices
    assert (on_gpu.used_bytes, on_gpu.own_bytes, on_gpu.other_servers_bytes) == (60, 25, 15)
    assert (ram.used_bytes, ram.own_bytes, ram.other_servers_bytes) == (30, 5, 10)
    assert [(holder.is_own, holder.held) for holder in seen.holders] == [
        (True, {"GPU-a": 25}),
        (False, {"GPU-a": 15, "cpu": 10}),
    ]


def test_nobody_is_said_to_hold_more_than_is_used() -> None:
    gpu = device("GPU-a", total=80, used=10, own=4)
    seen = survey(Sight(reading=machine(gpu), neighbours=[server(held={"GPU-a": 1 << 50})]))
    assert (seen.devices[0].own_bytes, seen.devices[0].other_servers_bytes) == (4, 6)
