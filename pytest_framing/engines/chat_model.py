"""A checkpoint as conversations meet it: its chat template and tokenizer, described and checked without any weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.engines.harmony import CHANNEL, FINAL, MARKERS
from pytest_framing.engines.prefixes import ContextBoundary
from pytest_framing.engines.reasoning import CLOSE, OPEN
from pytest_framing.errors import CheckpointError, EngineError
from pytest_framing.framings import Message
from pytest_framing.models.loading import hold_matching, load_config, load_tokenizer
from pytest_framing.records import text_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.engines.engine import Conversation, EngineOptions
    from pytest_framing.models.registry import ModelSpec


class ChatModel:
    """Base of the engines that tokenize in this process."""

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; nothing is read or imported yet."""
        self._options = options

    def render(self, conversation: Conversation) -> str:
        """Apply the chat template.

        Raises
        ------
        EngineError
            When the template refuses the conversation, for instance a system turn.
        """
        messages = [{"role": message.role, "content": message.content} for message in conversation]
        chosen = {} if self._options.thinking is None else {"enable_thinking": self._options.thinking}
        try:
            return str(
                self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False, **chosen)
            )
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

    def count_shared(self, conversation: Conversation) -> int:
        """Count the tokens of the context that is computed once.

        Raises
        ------
        EngineError
            When context and request, tokenized apart, are other tokens than together.
        """
        return len(self._boundary.shared_tokens(conversation, self.render(conversation)))

    def _hold_sound(self) -> None:
        """Refuse a checkpoint that would answer another question than it is asked.

        Raises
        ------
        CheckpointError
            When tokenizer and model do not belong together, the template writes the first token twice, or it does not
            let one choose what was chosen.
        """
        hold_matching(self._options.model, self._tokenizer, self._config)
        self._hold_one_bos()
        self._hold_thinking_choosable()

    def _tokenizer_digest(self) -> str:
        if hasattr(self._tokenizer, "backend_tokenizer"):
            return text_digest(self._tokenizer.backend_tokenizer.to_str())
        return text_digest(repr(sorted(self._tokenizer.get_vocab().items())))

    @property
    def _window(self) -> int:
        """The longest context in tokens that the config allows."""
        return int(getattr(self._config.get_text_config(), "max_position_embeddings", 0)) or 2**31

    def _keeps_everything(self) -> bool:
        """Whether each layer attends to the whole context: a sliding window would drop part of a kept prefix."""
        text = self._config.get_text_config()
        kinds = set(getattr(text, "layer_types", None) or ())
        return kinds <= {"full_attention"} and not (getattr(text, "sliding_window", None) and not kinds)

    def _decode(self, tokens: list[int]) -> str:
        """Decode without special tokens, except for those that say where the reasoning is."""
        kept = [token for token in tokens if token not in self._silent]
        return str(self._tokenizer.decode(kept, skip_special_tokens=False))

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        # The template has written the special tokens already.
        return list(self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]) if texts else []

    def _hold_thinking_choosable(self) -> None:
        if self._options.thinking is None:
            return
        probe = [{"role": "user", "content": "-"}]
        written = {
            self._tokenizer.apply_chat_template(
                probe, add_generation_prompt=True, tokenize=False, enable_thinking=thinking
            )
            for thinking in (True, False)
        }
        if len(written) < 2:
            raise CheckpointError(
                f"--framing-thinking: the chat template of {self._options.model.location} does not let one choose "
                "(it has no enable_thinking); leave the option out"
            )

    def _template_digest(self) -> str:
        """Digest of the template, and of what was chosen where it lets one choose."""
        template, thinking = str(self._tokenizer.chat_template), self._options.thinking
        return text_digest(template) if thinking is None else text_digest(template, f"enable_thinking={thinking}")

    def _hold_one_bos(self) -> None:
        tokens = self._tokenize([self.render([Message("user", "-")])])[0]
        bos = self._tokenizer.bos_token_id
        if bos is not None and tokens[:2] == [bos, bos]:
            raise CheckpointError(
                f"{self._options.model.location}: the chat template writes the first token "
                f"({self._tokenizer.bos_token}) twice, which shifts every answer; mend the template"
            )

    @cached_property
    def _silent(self) -> frozenset[int]:
        kept = (OPEN, CLOSE, *(MARKERS if self._speaks_harmony else ()))
        return frozenset(self._tokenizer.all_special_ids) - {
            self._tokenizer.convert_tokens_to_ids(token) for token in kept if self._has_token(token)
        }

    @cached_property
    def _answer_opening(self) -> list[int]:
        """The tokens behind which an answer begins."""
        return self._tokenize([FINAL if self._speaks_harmony else CLOSE])[0]

    @cached_property
    def _speaks_harmony(self) -> bool:
        return self._has_token(CHANNEL)

    def _has_token(self, token: str) -> bool:
        known = self._tokenizer.convert_tokens_to_ids(token)
        return known is not None and known != self._tokenizer.unk_token_id

    @cached_property
    def _boundary(self) -> ContextBoundary:
        # Not every marker of a turn is listed among the special tokens: those of Gemma and DeepSeek are added ones.
        added = (str(token) for token in self._tokenizer.added_tokens_decoder.values())
        return ContextBoundary(self.render, self._tokenize, [*self._tokenizer.all_special_tokens, *added])

    @cached_property
    def _pad(self) -> int:
        pad = self._tokenizer.pad_token_id
        return int(pad if pad is not None else self._tokenizer.eos_token_id)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._pinned)

    @cached_property
    def _pinned(self) -> ModelSpec:
        """The model at the commit that its config came from: tokenizer and weights may come from no later one."""
        spec = self._options.model
        return replace(spec, revision=getattr(self._config, "_commit_hash", None) or spec.revision)

    @cached_property
    def _config(self) -> Any:
        return load_config(self._options.model)
