"""Writing a trained checkpoint as any Hugging Face model is written."""

from __future__ import annotations

from pathlib import Path

from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def save_checkpoint(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path, generation: GenerationConfig
) -> None:
    """Write weights, tokenizer and generation config into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = generation
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # transformers 5 writes a class name that version 4 does not know; both know this one.
    config = folder / "tokenizer_config.json"
    config.write_text(
        config.read_text(encoding="utf-8").replace("TokenizersBackend", "PreTrainedTokenizerFast"), encoding="utf-8"
    )
