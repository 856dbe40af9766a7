"""Loading what ``transformers`` loads of a model: config, tokenizer, weights; plain errors, no advice on the screen."""

from __future__ import annotations

import importlib.metadata
import logging
import os
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import CheckpointError, first_line
from pytest_framing.models.template_date import with_fixed_date

if TYPE_CHECKING:
    from pytest_framing.models.registry import ModelSpec

LIBRARIES = ("transformers", "torch", "tokenizers", "safetensors", "bitsandbytes", "accelerate")


def library_versions() -> dict[str, str]:
    """Return the installed versions of what generation runs on."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def load_config(spec: ModelSpec) -> Any:
    """Load the model's config.

    Raises
    ------
    CheckpointError
        When it cannot be loaded.
    """
    from transformers import AutoConfig

    return _load(AutoConfig, spec)


def load_tokenizer(spec: ModelSpec) -> Any:
    """Load the model's tokenizer.

    Raises
    ------
    CheckpointError
        When it cannot be loaded, has no chat template, or has one whose date cannot be held fixed.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, spec)
    if spec.chat_template is not None:
        tokenizer.chat_template = spec.chat_template
    if not tokenizer.chat_template:
        raise CheckpointError(
            f"{spec.location}: the tokenizer has no chat template, and the gate never runs a chat model without one"
        )
    if isinstance(tokenizer.chat_template, dict):
        # Several templates by name, of which a conversation without tools takes the one of that name.
        if "default" in tokenizer.chat_template:
            tokenizer.chat_template["default"] = with_fixed_date(tokenizer.chat_template["default"], spec.location)
    else:
        tokenizer.chat_template = with_fixed_date(tokenizer.chat_template, spec.location)
    return tokenizer


def hold_matching(spec: ModelSpec, tokenizer: Any, config: Any) -> None:
    """Refuse a tokenizer that was made for another model: its tokens would point past the embeddings.

    Raises
    ------
    CheckpointError
        Naming both sizes.
    """
    embeddings = int(getattr(config.get_text_config(), "vocab_size", 0)) or 2**31
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= embeddings:
        raise CheckpointError(
            f"{spec.location}: the tokenizer does not belong to this model: it has tokens up to number {largest}, the "
            f"model has embeddings for {embeddings}"
        )


def load_weights(spec: ModelSpec, dtype: str, quantization: str) -> Any:
    """Load the weights, from safetensors alone, onto the GPUs that this process sees, or the CPU.

    A model fills one GPU before it takes the next. On a CPU, the number of threads is the registry's.

    Raises
    ------
    CheckpointError
        When the weights cannot be loaded, or do not fit.
    """
    # Before CUDA starts: with a workspace of its own, cuBLAS chooses the same kernel every time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch
    from transformers import AutoModelForCausalLM

    _quiet()
    # Split reductions round differently from run to run.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    on_gpu = torch.cuda.is_available()
    if spec.cpu_threads is not None:
        torch.set_num_threads(spec.cpu_threads)
    arguments: dict[str, Any] = {
        "revision": spec.revision,
        "trust_remote_code": spec.trust_remote_code,
        "use_safetensors": True,
        "dtype": dtype,
        "device_map": "sequential" if on_gpu else {"": "cpu"},
    }
    if quantization != "none":
        arguments["quantization_config"] = _quantization(quantization, dtype)
    try:
        model = AutoModelForCausalLM.from_pretrained(spec.location, **arguments)
    except Exception as error:
        # File formats, the hub, the device and quantization libraries each raise their own kind.
        raise CheckpointError(f"{spec.location}: the weights cannot be loaded ({first_line(error)})") from error
    if on_gpu:
        elsewhere = sorted({str(place) for place in getattr(model, "hf_device_map", {}).values()} & {"cpu", "disk"})
        if elsewhere:
            raise CheckpointError(
                f"{spec.location}: the weights do not fit the GPUs (parts would go to {', '.join(elsewhere)}); use "
                "--framing-quantization, more GPUs, or fewer workers (-n)"
            )
    else:
        _use_plain_cpu_kernels(model)
    return model.eval()


def _load(loader: Any, spec: ModelSpec) -> Any:
    _quiet()
    try:
        return loader.from_pretrained(spec.location, revision=spec.revision, trust_remote_code=spec.trust_remote_code)
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


def _quiet() -> None:
    """Keep loading bars and advice out of the test output; errors still come as exceptions."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
