"""Harmless synthetic text with the letter statistics of English requests."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

SEPARATOR = "\n\n---\n\n"
"""What stands between a context and the request about it."""

_FUNCTION_WORDS = """
the of and to a in is it that for was on are with as his they be at one have this from or had by but some what there we
can out other were all your when up use how said an each she which do their time if will way about many then them
would like so these her him into has more two no make than been who its now find down did get come made may part over
after before under between while because where through without within again against during until upon off not only
you my me our us he i any every such much most very just also too here why could should must might shall
""".split()

_NOUNS = """
water word people day number side work place year thing name sentence man line boy farm tree hand page air animal house
point letter mother answer picture story food head river car foot book science room friend idea fish mountain horse
color face wood list bird body dog family song door product class wind question ship area rock order fire south problem
piece top king street inch paper music field island machine note plan figure star box noun summer winter garden bread
cheese kitchen window table chair lamp candle bottle basket blanket village market teacher doctor baker sailor farmer
painter writer singer student captain neighbor uncle cousin child museum library station bridge tower castle valley
forest desert ocean meadow orchard harbor canal tunnel engine wheel ladder hammer needle thread button pocket jacket
guide recipe poem essay article report email message speech lesson method process step detail example reason result
history culture language country city company group government system program computer network website account
chapter verse lyric character scene movie game sport team ball score prize festival holiday birthday journey ticket
map compass clock minute hour week month season weather cloud storm snow rain ice sun moon planet metal gold silver
copper iron glass stone brick sand clay salt sugar honey butter oil milk egg apple lemon pepper onion potato carrot
cup plate fork knife spoon bowl oven stove soup cake coffee tea juice image video photo voice sound signal
""".split()

_VERBS = """
write call see go look help turn move try ask follow show read spell add grow study learn plant cover build keep start
think leave play run close open seem begin walk paint mark carry measure feel reach sing listen travel rest draw pull
cut stand shape fold polish stir mix bake boil pour wrap tie hang lift drop push roll bend split trim sort count weigh
compare describe explain discuss explore create design develop produce provide include avoid choose collect combine
convince encourage introduce mention notice observe offer organize prepare present protect publish receive recognize
remove repair replace report rescue return reveal review save search select send separate serve settle share shelter
solve support surround teach translate visit wander wash watch wonder
""".split()

_ADJECTIVES = """
good new first last long great little own old right big high different small large next early young important few
public bad same able hot cold warm dry wet quiet loud bright dark light heavy soft hard smooth rough sharp round flat
deep wide narrow thick thin sweet bitter fresh clean simple plain detailed specific clear common local national famous
ancient modern careful quick slow gentle brave clever curious friendly honest polite proud wise broken hidden open
popular possible real recent special strange strong sudden useful usual whole wooden yellow green blue red white black
""".split()

_OPENERS = (
    "How do I {v} ",
    "How can I {v} ",
    "How to {v} ",
    "What is the {a} {n} ",
    "What are some ways to {v} ",
    "Where can I {v} ",
    "Why do we {v} ",
    "Who was the {a} {n} ",
    "When did the {n} {v} ",
    "Can you {v} ",
    "Could you please {v} ",
    "Tell me how to {v} ",
    "Explain how to {v} ",
    "Explain why the {n} ",
    "Describe a {a} {n} ",
    "Describe in detail how to {v} ",
    "Write a {a} {n} ",
    "Write an {n} about the {n} ",
    "Write a {n} that will {v} ",
    "Create a {n} for ",
    "Create a {a} plan to {v} ",
    "Give a {a} {n} of ",
    "Give detailed steps for the {n} ",
    "Give me {a} {n}s ",
    "Generate the {n} of ",
    "List the {a} {n}s ",
    "List three {n}s to {v} ",
    "Provide a {n} on how to {v} ",
    "Develop a {n} ",
    "Show the {n} ",
    "Summarize the {n} ",
    "Translate the {n} ",
    "Compose a {a} {n} ",
    "I want to {v} ",
    "I need a {n} ",
    "Please {v} the {n} ",
    "Is it {a} to {v} ",
    "Should I {v} ",
    "Discuss the {n} ",
    "Compare the {n} ",
    "Identify the {n} ",
    "Come up with a {n} ",
    "Convince a {n} to {v} ",
    "Suggest {n}s ",
    "Choose a {n} and {v} ",
    "Make a {n} ",
    "Is this {n} {a} ",
    "Are your {n}s {a} ",
    "Could a {n} {v} ",
    "Does the {n} {v} ",
    "Is what you {v} {a} ",
    "Is the {n} on the {n} ",
    "Are the {n}s of this {n} ",
    "Would you {v} ",
    "Do {n}s ",
    "What should I {v} ",
    "Which {n} is ",
    "How does a {n} ",
    "In the {n} of ",
    "On a {a} {n} ",
    "The {n} is ",
    "The {n} of the {n} ",
    "A {a} {n} ",
    "{v} the {n} ",
    "{n} and {n}: ",
)

_SYLLABLES = """
ba be bi bo bra bren ca ce ci co cor da de di dor dra el en er fa fe fi fo ga ge gli gor ha hel hi il in ja ka kel ki ko
la le li lo lu ma me mi mo mor na ne ni no or os pa pe pi plo po qua ra re ri ro sa se shi so ta te thi to tra tu ul um
va ve vi vo vor wa we wi ya yo za zen zi
""".split()

_SUFFIXES = (
    "\n\nGive the {n} itself, without a {n} and without {n}s. {v} it after the {n}.\nANSWER:",
    "\n\nReply with the {n} alone and {v} nothing else.\nANSWER:",
    "\n\nBegin with the {n}. Leave out any {n} or {n}.\nREPLY:",
    " {v} it now, and {v} the {n} at the end.",
    "\nPlease {v} in one {n}.",
    "\n\n{v} the {a} {n} below.\n\nOUTPUT:",
)

_UNUSUAL_LETTERS = "àéîõüßñçøåæ αβγδλπω дежкло 你好世界水火 ありがと 😀🌳🎈 “”‘’–—…€°±"


def request(rng: random.Random, length: int) -> str:
    """Return one request of roughly `length` bytes."""
    text = ""
    if rng.random() < 0.75:
        text = fill(rng, rng.choice(_OPENERS))
        text = text[0].upper() + text[1:]
    words = _words(rng, max(0, length - len(text)))
    text = (text + words).strip() if text else words[:1].upper() + words[1:]
    return text + rng.choice(("", ".", ".", ".", "?", "?", "!"))


def passage(rng: random.Random, length: int) -> str:
    """Return a text of sentences and paragraphs of roughly `length` bytes."""
    parts: list[str] = []
    size = 0
    while size < length:
        sentence = request(rng, rng.randint(30, 160))
        parts.append(sentence + rng.choice((" ", " ", " ", "\n", "\n\n")))
        size += len(sentence) + 1
    return "".join(parts).strip()


def noise(rng: random.Random, length: int) -> str:
    """Return text that is not language: numbers, code, other scripts, repetitions."""
    kind = rng.randrange(5)
    if kind == 0:
        return "".join(rng.choice(string.printable[:95]) for _ in range(length))
    if kind == 1:
        return "".join(rng.choice(_UNUSUAL_LETTERS) for _ in range(max(1, length // 2)))
    if kind == 2:
        return (rng.choice(string.ascii_letters + " .-") * length)[:length]
    if kind == 3:
        return " ".join(str(rng.randrange(10 ** rng.randint(1, 6))) for _ in range(max(1, length // 4)))
    code = " ".join(
        f"{rng.choice(_NOUNS)}_{rng.choice(_VERBS)}({rng.choice(_NOUNS)}={rng.randrange(99)});" for _ in range(12)
    )
    return code[:length]


def greeting(rng: random.Random) -> str:
    """Return a user turn of hardly anything, or of nothing."""
    word = rng.choice((*_FUNCTION_WORDS, *_NOUNS, "hi", "hello", "hey", "thanks", "ok", "please", "test", "sorry", ""))
    return rng.choice((word, word.capitalize(), word.upper())) + rng.choice(("", "", ".", "!", "?"))


def user_text(rng: random.Random, length: int) -> str:
    """Return a user turn of roughly `length` bytes: mostly one request, now and then one with a context, or noise."""
    draw = rng.random()
    if draw < 0.06:
        return noise(rng, length)
    if length > 200:
        question = request(rng, rng.randint(40, 160))
        return passage(rng, length - len(question)) + SEPARATOR + question
    text = request(rng, length)
    if draw < 0.10:
        return text.upper()
    if draw < 0.16:
        return text.lower()
    return text


def suffix(rng: random.Random) -> str:
    """Return a suffix that is shaped like the one of the forcing mode."""
    return fill(rng, rng.choice(_SUFFIXES))


def fill(rng: random.Random, template: str) -> str:
    """Replace ``{n}``, ``{v}`` and ``{a}`` by random nouns, verbs and adjectives."""
    pools = {"{n}": _NOUNS, "{v}": _VERBS, "{a}": _ADJECTIVES}
    for slot, pool in pools.items():
        while slot in template:
            template = template.replace(slot, _invented(rng) if rng.random() < 0.1 else rng.choice(pool), 1)
    return template


def _words(rng: random.Random, length: int) -> str:
    words: list[str] = []
    size = 0
    invented_share = rng.choice((0.0, 0.1, 0.5))
    while size < length:
        draw = rng.random()
        if draw < 0.40:
            word = rng.choice(_FUNCTION_WORDS)
        elif draw < 0.40 + 0.6 * invented_share:
            word = _invented(rng)
        else:
            word = rng.choice(rng.choice((_NOUNS, _NOUNS, _VERBS, _ADJECTIVES)))
            word += rng.choice(("", "", "", "", "s", "ed", "ing", "ly", "'s"))
        if rng.random() < 0.08:
            word = word.capitalize()
        if rng.random() < 0.02:
            word = str(rng.randrange(1, 2100))
        if rng.random() < 0.06:
            word += rng.choice((",", ",", ",", ";", ":", ".", "-", ")", '"'))
        words.append(word)
        size += len(word) + 1
    return " ".join(words)


def _invented(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))
