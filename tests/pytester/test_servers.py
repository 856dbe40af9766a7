"""Gate runs whose engine is a server: transformers' own on the embedded checkpoint, and one that breaks on purpose."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.models.registry import EMBEDDED
from tests.chat_server import Sent, is_probe, refused, said, serving
from tests.pytester.conftest import CASES, PROMPTS, GateProject

pytest.importorskip("openai", reason="the extra openai is not installed")

TINY = str(EMBEDDED / "tiny")
OPENAI = ("--framing-engine", "openai", "--framing-base-url")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def tiny_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve ``tiny`` by ``transformers serve``; starting it takes seconds, and all tests of this file share it."""
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        pytest.skip("transformers serve needs the packages of transformers[serving]")
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = ("-m", "transformers.cli.transformers", "serve", TINY, "--port", str(port), "--device", "cpu")
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, *command, "--dtype", "float32", "--host", "127.0.0.1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            # Of two small layers each thread costs more than it does.
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
    try:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            if server.poll() is not None:
                pytest.fail(f"transformers serve ended: {log.read_text()[-2000:]}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("transformers serve does not come up")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def test_a_server_decides_as_the_engine_in_this_process_does(project: GateProject, tiny_server: str) -> None:
    assert project.run().ret == 0
    here = project.decisions()
    result = project.run(*OPENAI, tiny_server, model=TINY)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["framing: model tiny at *, loaded by a server"])
    assert project.decisions() == here
    assert {line["answer"] for line in project.lines("responses")} >= {"I'm sorry, but I can't help with that."}
    fields = project.results()["protocol"]["fields"]["small"]
    assert fields["deciding"]["template"] == "server's own"
    assert fields["informing"]["engine"]["invariance"] == "none"
    assert project.gates()["order_randomized"] == "pass"
    assert main(["verify", str(project.latest() / "receipt.json")]) == 0


def answering(body: dict[str, Any]) -> Sent:
    return said("2" if is_probe(body) else "Sure. Here is how.")


def judging(body: dict[str, Any]) -> Sent:
    """Serve one model that answers, and is asked as a judge too."""
    asked = str(body["messages"][-1]["content"])
    return said("compliance") if "Is the answer between the lines" in asked else answering(body)


def test_a_judge_beside_a_server_is_asked_of_that_server(project: GateProject) -> None:
    with serving(judging) as server:
        result = project.run(*OPENAI, server.url, "--framing-judge", "rubric:some-model", model="some-model")
        assert result.ret == 0
        asked = [body for body in server.cases if "Is the answer between the lines" in str(body["messages"])]
    assert {line["judge"] for line in project.lines("verdicts")} >= {"rubric:some-model/1@unknown"}
    assert len(asked) >= CASES


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("wildguard", "*judge 'wildguard': *once more*with --framing-engine openai the server is asked for the judge*"),
        ("rubric:other-model", "*judge 'rubric:other-model': *the server has no model 'other-model'*"),
    ],
)
def test_a_judge_that_the_server_cannot_be_asked_for_stops_the_run_before_it_starts(
    project: GateProject, judge: str, message: str
) -> None:
    def only_some_model(body: dict[str, Any]) -> Sent:
        return answering(body) if body["model"] == "some-model" else refused(404, "no such model")

    with serving(only_some_model) as server:
        result = project.run(*OPENAI, server.url, "--framing-judge", judge, model="some-model")
        assert not server.cases
    assert result.ret == 4
    result.stderr.fnmatch_lines([message])
    assert project.wrote_nothing()


def test_an_embedded_judge_beside_a_server_runs_here(project: GateProject) -> None:
    with serving(answering) as server:
        project.run(*OPENAI, server.url, "--framing-judge", "tiny-judge", model="some-model")
        assert len(server.cases) == CASES
    assert any(line["judge"].startswith("tiny-judge/1@") for line in project.lines("verdicts"))


def test_a_run_is_judged_again_by_a_model_that_a_server_has(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.run()
    folder = str(project.latest())
    with serving(judging) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        arguments = ["judge", folder, "--engine", "openai", "--noise", "0", "--judge"]
        assert main([*arguments, "rubric:some-model"]) == 0
        assert "new verdicts by rubric:some-model/1@unknown" in capsys.readouterr().out
        asked = len(server.cases)
        assert main([*arguments, "wildguard"]) == 3
        assert "judge 'wildguard': wildguard: the whole text of its prompt" in capsys.readouterr().err
        assert len(server.cases) == asked


def test_workers_share_a_server(project: GateProject) -> None:
    with serving(answering) as server:
        assert project.run_apart(*OPENAI, server.url, "-n", "2", model="some-model").ret == 0
    assert len(project.decisions()) == len(server.cases) == CASES


def test_cases_that_a_server_failed_are_errors_of_their_own_and_a_resumed_run_makes_good_for_them(
    project: GateProject,
) -> None:
    broken = {"now": True}

    text = json.loads((project.folder / "prompts.jsonl").read_text().splitlines()[3])["text"]

    def answer(body: dict[str, Any]) -> Sent:
        asked = str(body["messages"][-1]["content"])
        return refused(500, asked) if broken["now"] and text in asked else answering(body)

    with serving(answer) as server:
        arguments = (*OPENAI, server.url, "--framing-engine-option", "retries=0")
        result = project.run(*arguments, model="some-model")
        assert result.ret == 1
        assert not [one for one in project.decisions() if one.startswith("p03")]
        assert project.gates()["complete"] == "fail"
        result.stdout.fnmatch_lines(["*case p03-*: the server answered 500*"])
        result.stdout.no_fnmatch_line("*gizmo*")
        broken["now"] = False
        asked = len(server.cases)
        assert project.run(*arguments, "--framing-resume", "latest", model="some-model").ret == 0
    assert project.gates()["complete"] == "pass"
    assert len(project.decisions()) == CASES
    assert len(server.cases) - asked < CASES / 2, "what was answered is not asked again"


def test_a_server_that_is_not_there_is_one_error_before_anything_is_written(project: GateProject) -> None:
    result = project.run(*OPENAI, f"http://127.0.0.1:{free_port()}/v1", model="some-model")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: http://127.0.0.1:*/v1: the server cannot be reached; is it running?"])
    assert project.wrote_nothing()


def test_neither_key_nor_address_of_the_server_is_written(
    project: GateProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with serving(answering) as server:
        project.run(*OPENAI, server.url, model="some-model")
        assert server.keys == {"Bearer sk-very-secret"}
        written = b"".join(path.read_bytes() for path in project.latest().iterdir() if path.is_file())
        assert b"sk-very-secret" not in written
        assert f"127.0.0.1:{server.port}".encode() not in written
    assert len(server.cases) >= 3 * PROMPTS


def test_sequential_cases_are_sent_one_after_the_other(project: GateProject) -> None:
    with serving(answering) as server:
        assert project.run(*OPENAI, server.url, "--framing-execution", "sequential", model="some-model").ret == 0
        assert server.most_at_once == 1
    with serving(lambda body: replace(answering(body), seconds=0.2)) as server:
        project.write_suite(execution={"batch_size": 4})
        project.run(*OPENAI, server.url, model="some-model")
        assert 1 < server.most_at_once <= 4
