"""How many tokens each case has, counted once a prompt and once a context, and whether all fit the model's window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_framing.errors import EngineError, PromptError
from pytest_framing.framings import UNFRAMED
from pytest_framing.records import CHECK_MODE, STANDARD_MODE, Prompt

if TYPE_CHECKING:
    from pytest_framing.demonstrations import Context, ContextSummary
    from pytest_framing.engines.engine import Conversation, Engine, EngineIdentity
    from pytest_framing.records import PromptSet
    from pytest_framing.suite import Suite

    Converse = Callable[[Prompt, str, str], Conversation]

_PROBE = Prompt("probe", "-")
# Below that, computing a framing once a row costs no more than putting its kept values into a batch.
LEAST_SHARED = 16


@dataclass(frozen=True)
class CaseLengths:
    """Tokens of every case: those of its prompt, and those of the context that stands before it.

    ``prompts`` is keyed by prompt id, framing and mode; ``contexts`` by mode and framing, with what the context adds.
    ``prefixes``, keyed alike, has what the engine computes once: a context, or without any the system turn of a
    framing. ``window`` is what a case may have without its answer.
    """

    prompts: Mapping[tuple[str, str, str], int] = field(repr=False)
    window: int
    contexts: Mapping[tuple[str, str], int] = field(default_factory=dict, repr=False)
    prefixes: Mapping[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def tokens(self, prompt: Prompt, framing: str, mode: str) -> int:
        """Return the number of tokens of a case, as rendered."""
        added = self.contexts.get((mode, framing))
        if added is None:
            return self.prompts[prompt.id, framing, mode]
        return added + self.prompts[prompt.id, framing, STANDARD_MODE]

    def fits(self, prompt: Prompt, framing: str, mode: str) -> bool:
        """Tell whether a case fits the window together with its answer."""
        return self.tokens(prompt, framing, mode) <= self.window

    def shared(self, framing: str, mode: str) -> int:
        """Return how many of the tokens of a case stand in what the engine computes once."""
        return self.prefixes.get((mode, framing), 0)

    def summarise(self, context: Context) -> ContextSummary:
        """Return a context as plans hold it."""
        counts = {framing: n for (mode, framing), n in self.prefixes.items() if mode == context.name}
        return context.summary(self.contexts[context.name, UNFRAMED], counts)


def count_lengths(
    suite: Suite,
    prompts: PromptSet,
    questions: Sequence[Prompt],
    contexts: Mapping[str, Context],
    converse: Converse,
    engine: Engine,
    identity: EngineIdentity,
) -> CaseLengths:
    """Count the tokens of all cases of a suite.

    With contexts, a prompt is counted once and a context once, not every prompt in every context: the template writes
    both one after the other. That it does is checked on the longest prompt of each context.

    Parameters
    ----------
    suite
        With profile and overrides applied.
    prompts, questions, contexts
        What is asked, and what stands before it.
    converse
        Makes the conversation of a prompt, a framing and a mode.
    engine
        Counts.
    identity
        What the engine says of itself: its window, and whether it keeps what cases share.

    Raises
    ------
    PromptError
        When cases do not fit the window, unless the suite plans those as invalid.
    """
    window = identity.window
    reuses = suite.execution.prefix_reuse and identity.prefix_cache
    pair = (suite.framings.reference, suite.framings.treatment)
    framings: tuple[str, ...] = (*pair, suite.framings.placebo) if suite.controls.placebo else pair
    if contexts:
        framed = any(context.condition.framed for context in contexts.values())
        framings = (UNFRAMED, *pair) if framed else (UNFRAMED,)
    modes: tuple[str, ...] = suite.modes
    keys = [(prompt, framing, mode) for prompt in prompts.prompts for framing in framings for mode in modes]
    keys += [(question, framing, CHECK_MODE) for question in questions for framing in pair]
    conversations = [converse(*key) for key in keys]
    counts = engine.count_tokens(conversations)
    lengths = CaseLengths(
        {(prompt.id, framing, mode): n for (prompt, framing, mode), n in zip(keys, counts, strict=True)},
        window - suite.decoding.max_new_tokens,
    )
    _hold_fitting(suite, lengths, window, ((prompt, framing, mode) for prompt, framing, mode in keys))
    if contexts:
        lengths = _with_contexts(suite, lengths, prompts, contexts, framings, converse, engine, reuses)
        if suite.demonstrations is not None and suite.demonstrations.truncation == "error":
            longest = max(prompts.prompts, key=lambda one: lengths.prompts[one.id, UNFRAMED, STANDARD_MODE])
            _hold_contexts_fitting(suite, lengths, longest, window)
        return lengths
    if not reuses:
        return lengths
    shared = [(mode, framing) for _, framing, mode in keys]
    return replace(lengths, prefixes=_framing_prefixes(zip(shared, conversations, strict=True), engine))


def _with_contexts(
    suite: Suite,
    lengths: CaseLengths,
    prompts: PromptSet,
    contexts: Mapping[str, Context],
    framings: Sequence[str],
    converse: Converse,
    engine: Engine,
    reuses: bool,
) -> CaseLengths:
    modes = [
        (mode, framing)
        for mode, context in contexts.items()
        for framing in framings
        if framing == UNFRAMED or context.condition.framed
    ]
    probes = engine.count_tokens([converse(_PROBE, framing, STANDARD_MODE) for framing in framings])
    alone = dict(zip(framings, probes, strict=True))
    added = {
        (mode, framing): n - alone[framing]
        for (mode, framing), n in zip(
            modes, engine.count_tokens([converse(_PROBE, framing, mode) for mode, framing in modes]), strict=True
        )
    }
    lengths = replace(lengths, contexts=added)
    longest = max(prompts.prompts, key=lambda one: lengths.prompts[one.id, UNFRAMED, STANDARD_MODE])
    exact = engine.count_tokens([converse(longest, framing, mode) for mode, framing in modes])
    # A tokenizer that joins what stands side by side makes a case a little shorter or longer than its parts.
    slack = max(n - lengths.tokens(longest, framing, mode) for (mode, framing), n in zip(modes, exact, strict=True))
    if slack > 0:
        lengths = replace(lengths, contexts={key: n + slack for key, n in added.items()})
    if not reuses:
        return lengths
    shared = {(mode, framing): engine.count_shared(converse(_PROBE, framing, mode)) for mode, framing in modes}
    return replace(lengths, prefixes={key: n for key, n in shared.items() if n})


def _framing_prefixes(
    conversations: Iterable[tuple[tuple[str, str], Conversation]], engine: Engine
) -> dict[tuple[str, str], int]:
    """Tokens of each framing's system turn, by mode and framing; none where it does not stand for itself in every case.

    All framings of a suite are computed in the same way, or they would differ in more than their words.
    """
    shared: dict[tuple[str, str], int] = {}
    for key, conversation in conversations:
        try:
            tokens = engine.count_shared(conversation)
        except EngineError:
            return {}
        if tokens < LEAST_SHARED or shared.setdefault(key, tokens) != tokens:
            return {}
    return shared


def _hold_fitting(suite: Suite, lengths: CaseLengths, window: int, keys: Iterable[tuple[Prompt, str, str]]) -> None:
    over = [(prompt, lengths.tokens(prompt, *key)) for prompt, *key in keys if not lengths.fits(prompt, *key)]
    if over:
        longest, tokens = max(over, key=lambda one: one[1])
        raise PromptError(
            f"{suite.path}: {len({prompt.id for prompt, _ in over})} prompts do not fit the model's window of {window} "
            f"tokens together with {suite.decoding.max_new_tokens} new ones; the longest, {longest.id!r}, has "
            f"{tokens}. Leave them out, or lower decoding.max_new_tokens: nothing is ever cut silently"
        )


def _hold_contexts_fitting(suite: Suite, lengths: CaseLengths, longest: Prompt, window: int) -> None:
    over = [mode for mode, framing in lengths.contexts if not lengths.fits(longest, framing, mode)]
    if over:
        worst = max(lengths.contexts, key=lambda key: lengths.contexts[key])
        raise PromptError(
            f"{suite.path}: {len(set(over))} contexts of demonstrations do not fit the model's window of {window} "
            f"tokens together with the longest prompt, {longest.id!r}, and {suite.decoding.max_new_tokens} new ones; "
            f"the longest context, {worst[0]!r}, has {lengths.contexts[worst]}. Ask for fewer or shorter "
            "demonstrations (demonstrations.counts, longest), or plan what does not fit as invalid "
            "(demonstrations.truncation: invalid); nothing is ever cut silently"
        )
