from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_framing import device as device_module
from pytest_framing.device import device, gpu_names, gpu_of_worker, pin_worker


@pytest.mark.parametrize(
    ("worker", "visible", "count", "chosen"),
    [
        pytest.param("gw0", None, 4, "0", id="first"),
        pytest.param("gw3", None, 4, "3", id="last"),
        pytest.param("gw5", None, 4, "1", id="more workers than GPUs take turns"),
        pytest.param("gw0", "2,3", 4, "2", id="of those that may be seen"),
        pytest.param("gw1", "2,3", 4, "3", id="second of those"),
        pytest.param("gw2", "2, 3", 4, "2", id="blanks"),
        pytest.param("gw1", "GPU-aa,GPU-bb", 2, "GPU-bb", id="named by UUID"),
        pytest.param("gw12", None, 8, "4", id="two digits"),
        pytest.param("gw0", None, 0, None, id="no GPU"),
        pytest.param("gw0", "", 4, None, id="all hidden"),
        pytest.param("main", None, 4, None, id="no worker"),
    ],
)
def test_workers_share_out_the_gpus_that_the_process_may_see(
    worker: str, visible: str | None, count: int, chosen: str | None
) -> None:
    assert gpu_of_worker(worker, visible, count) == chosen


def test_as_many_workers_as_gpus_have_one_each() -> None:
    assert {gpu_of_worker(f"gw{n}", None, 8) for n in range(8)} == {str(n) for n in range(8)}


def test_a_worker_is_pinned_through_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "gpu_names", lambda: ("A", "B"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    pin_worker("gw1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


def test_without_a_gpu_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "gpu_names", lambda: ())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pin_worker("gw1")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Pretend that there is an ``nvidia-smi``; neither its answers nor those of a real one outlive a test."""
    gpu_names.cache_clear()
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    yield monkeypatch
    gpu_names.cache_clear()


def test_gpus_are_named_by_the_driver(driver: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 0, stdout="NVIDIA H200\nNVIDIA H200\n\n")
    driver.setattr("subprocess.run", lambda *_, **__: answer)
    assert gpu_names() == ("NVIDIA H200", "NVIDIA H200")


@pytest.mark.parametrize(
    "error", [subprocess.CalledProcessError(9, "nvidia-smi"), subprocess.TimeoutExpired("nvidia-smi", 30), OSError()]
)
def test_a_driver_that_does_not_answer_is_no_driver(driver: pytest.MonkeyPatch, error: Exception) -> None:
    def run(*_: Any, **__: Any) -> Any:
        raise error

    driver.setattr("subprocess.run", run)
    assert gpu_names() == ()


def test_the_hardware_is_described_in_plain_json() -> None:
    assert {"machine", "system", "python", "gpus"} <= json.loads(json.dumps(device())).keys()
