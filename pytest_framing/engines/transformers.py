"""Hugging Face transformers in this process: planned batches of fixed shape, or one conversation after the other."""

from __future__ import annotations

import importlib.metadata
import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.engines.engine import BatchRequest, Completion, EngineIdentity
from pytest_framing.engines.reasoning import OPEN
from pytest_framing.errors import CheckpointError, EngineError, first_line
from pytest_framing.models.weights import folder_digest
from pytest_framing.records import text_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.engines.engine import Conversation, EngineOptions
    from pytest_framing.records import FinishReason

NAME = "transformers"
LIBRARIES = ("transformers", "torch", "tokenizers", "safetensors", "bitsandbytes", "accelerate")


class TransformersEngine:
    """Greedy generation by ``AutoModelForCausalLM`` with the model's own chat template.

    Rows are padded on the left to the planned length and short batches are filled with copies, so that every batch of a
    shape runs the same kernels: then a result depends on its own prompt alone.
    """

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; nothing is read or imported yet."""
        self._options = options
        self._model: Any = None

    def identity(self) -> EngineIdentity:
        """Return the digests of template, tokenizer and weights, and the versions that they run on."""
        spec = self._options.model
        folder = spec.folder
        return EngineIdentity(
            name=NAME,
            version=importlib.metadata.version("transformers"),
            invariance="fixed_shape",
            window=int(getattr(self._config.get_text_config(), "max_position_embeddings", 0)) or 2**31,
            template_digest=text_digest(str(self._tokenizer.chat_template)),
            tokenizer_digest=text_digest(self._tokenizer.backend_tokenizer.to_str())
            if hasattr(self._tokenizer, "backend_tokenizer")
            else text_digest(repr(sorted(self._tokenizer.get_vocab().items()))),
            weights_digest=folder_digest(folder) if folder else "",
            revision=str(getattr(self._config, "_commit_hash", None) or spec.revision or ""),
            libraries=_versions(),
        )

    def render(self, conversation: Conversation) -> str:
        """Apply the chat template.

        Raises
        ------
        EngineError
            When the template refuses the conversation, for instance a system turn.
        """
        messages = [{"role": message.role, "content": message.content} for message in conversation]
        try:
            return str(self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        except Exception as error:
            # Templates are programs that come with the model: they may raise anything.
            hint = "; try --framing-placement user" if messages[0]["role"] == "system" else ""
            raise EngineError(
                f"{self._options.model.location}: the chat template refuses the conversation "
                f"({type(error).__name__}){hint}"
            ) from error

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Render and tokenize, and count."""
        return [len(tokens) for tokens in self._tokenize([self.render(one) for one in conversations])]

    def start(self) -> None:
        """Load the weights, from safetensors alone.

        Raises
        ------
        CheckpointError
            When the weights cannot be loaded.
        """
        import torch
        from transformers import AutoModelForCausalLM, GenerationConfig

        _quiet()
        spec = self._options.model
        # Split reductions round differently from run to run.
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
        if spec.cpu_threads is not None:
            torch.set_num_threads(spec.cpu_threads)
        arguments: dict[str, Any] = {
            "revision": spec.revision,
            "trust_remote_code": spec.trust_remote_code,
            "use_safetensors": True,
            "dtype": self._options.dtype,
            "device_map": {"": device},
        }
        if self._options.quantization != "none":
            arguments["quantization_config"] = _quantization(self._options.quantization, self._options.dtype)
        try:
            model = AutoModelForCausalLM.from_pretrained(spec.location, **arguments)
        except Exception as error:
            # File formats, the hub, the device and quantization libraries each raise their own kind.
            raise CheckpointError(f"{spec.location}: the weights cannot be loaded ({first_line(error)})") from error
        if device == "cpu":
            _use_plain_cpu_kernels(model)
        stops = model.generation_config.eos_token_id
        # The checkpoint's own sampling settings would otherwise leak into greedy decoding.
        model.generation_config = GenerationConfig(
            do_sample=False,
            eos_token_id=stops if stops is not None else self._tokenizer.eos_token_id,
            pad_token_id=self._pad,
        )
        self._model = model.eval()

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate a planned batch, or each conversation alone where the batch has no shape.

        Raises
        ------
        EngineError
            When a conversation does not fit its batch.
        """
        texts = [self.render(conversation) for conversation in request.conversations]
        tokens = self._tokenize(texts)
        if request.rows == 0:
            return [
                completion
                for text, row in zip(texts, tokens, strict=True)
                for completion in self._generate([text], [row], 1, len(row), request.max_new_tokens)
            ]
        if len(tokens) > request.rows or max(map(len, tokens)) > request.length:
            raise EngineError(f"{len(tokens)} conversations do not fit a batch of {request.rows} x {request.length}")
        return self._generate(texts, tokens, request.rows, request.length, request.max_new_tokens)

    def close(self) -> None:
        """Free the device memory."""
        if self._model is None:
            return
        import torch

        self._model = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _generate(
        self, texts: list[str], tokens: list[list[int]], rows: int, length: int, max_new_tokens: int
    ) -> list[Completion]:
        import torch

        if self._model is None:
            raise EngineError("the engine was not started")
        filled = [tokens[row % len(tokens)] for row in range(rows)]
        ids = torch.full((rows, length), self._pad, dtype=torch.long)
        mask = torch.zeros((rows, length), dtype=torch.long)
        for row, own in enumerate(filled):
            ids[row, length - len(own) :] = torch.tensor(own)
            mask[row, length - len(own) :] = 1
        device = self._model.device
        started = time.monotonic()
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=max_new_tokens
            )
        new_rows = output[: len(tokens), length:].tolist()
        seconds = time.monotonic() - started
        completions = []
        for text, own, new in zip(texts, tokens, new_rows, strict=True):
            trimmed, finish = self._trim(new)
            completions.append(
                Completion(
                    text=self._tokenizer.decode(trimmed, skip_special_tokens=True),
                    opened_reasoning=text.rstrip().endswith(OPEN),
                    finish_reason=finish,
                    prompt_tokens=len(own),
                    new_tokens=len(trimmed),
                    started=started,
                    seconds=seconds,
                )
            )
        return completions

    def _trim(self, new: list[int]) -> tuple[list[int], FinishReason]:
        """Cut a row at its first stop token; without one it ran into the limit."""
        stops = self._model.generation_config.eos_token_id
        stops = set(stops) if isinstance(stops, list) else {stops}
        end = next((index for index, token in enumerate(new) if token in stops), None)
        return (new, "length") if end is None else (new[:end], "stop")

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        # The template has written the special tokens already.
        return list(self._tokenizer(texts, add_special_tokens=False)["input_ids"]) if texts else []

    @cached_property
    def _pad(self) -> int:
        pad = self._tokenizer.pad_token_id
        return int(pad if pad is not None else self._tokenizer.eos_token_id)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        tokenizer = self._load(AutoTokenizer)
        if not tokenizer.chat_template:
            raise CheckpointError(
                f"{self._options.model.location}: the tokenizer has no chat template, and the gate never runs a chat "
                "model without one"
            )
        return tokenizer

    @cached_property
    def _config(self) -> Any:
        from transformers import AutoConfig

        return self._load(AutoConfig)

    def _load(self, loader: Any) -> Any:
        spec = self._options.model
        _quiet()
        try:
            return loader.from_pretrained(
                spec.location, revision=spec.revision, trust_remote_code=spec.trust_remote_code
            )
        except Exception as error:
            raise CheckpointError(
                f"--model {spec.name}: {spec.location} cannot be loaded ({first_line(error)}); without a connection "
                "to the hub, download it first or name a local folder"
            ) from error


def _quantization(name: str, dtype: str) -> Any:
    from transformers import BitsAndBytesConfig

    if name == "8bit":
        # The default threshold picks outlier columns over the whole batch: results would depend on neighbours.
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _use_plain_cpu_kernels(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for AVX512-BF16 processors.

    That path fails for layers whose width is no multiple of 64 (0.50), and would make results depend on the processor.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _quiet() -> None:
    """Keep loading bars and advice out of the test output; errors still come as exceptions."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
