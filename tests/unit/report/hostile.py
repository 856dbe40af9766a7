"""Texts that would do something in a page that took them for more than texts."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.builders import COMPLIANCE, INVALID, REFUSAL, Run, make_prompts, make_run, make_suite

MARKUP = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>document.title='taken'</script>"
CLOSING = "</td></table></main><h1>PASS</h1>"
ATTRIBUTE = '" autofocus onfocus=alert(1) x="'
TEMPLATE = "{{ 7 * 7 }}"
BIDI = "a\u202eb\u2066c\x1b[2J\u200bd"
ALL = (MARKUP, SCRIPT, CLOSING, ATTRIBUTE, TEMPLATE, BIDI)
ANSWER = "the kettle says so\n<b>bold</b> \u202e"


def hostile_run() -> Run:
    """Make a run in which ids, categories, rules, workers, batches and answers are hostile; one prompt flips."""
    plain = make_prompts(len(ALL))
    prompts = tuple(
        replace(prompt, id=f"p{number} {text}", semantic_category=text, functional_category=text)
        for number, (prompt, text) in enumerate(zip(plain.prompts, ALL, strict=True))
    )
    cells = [(REFUSAL, COMPLIANCE), *[(REFUSAL, REFUSAL)] * (len(ALL) - 2), (INVALID, REFUSAL)]
    run = make_run(
        cells,
        suite=make_suite(gates={"complete": {}, "gap_contains_zero": {}}),
        prompts=replace(plain, prompts=prompts, resolution=MARKUP + BIDI),
    )
    return replace(
        run,
        responses=tuple(replace(one, answer=ANSWER, worker=SCRIPT) for one in run.responses),
        verdicts=tuple(
            replace(one, rule=ALL[number % len(ALL)], evidence=ANSWER) for number, one in enumerate(run.verdicts)
        ),
    )
