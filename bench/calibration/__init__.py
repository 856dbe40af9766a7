"""How often the gates of ``deployment_framing`` are wrong, and what they see: ``python -m bench.calibration``.

Sessions are simulated as counts, since a study holds counts alone; what decides is the code of the gates themselves.

Model of a session
    Two independent modes of n prompts each. Every prompt is refused or not, with probability 1/2, whatever the
    framing, but for a share psi of prompts that flip: (psi + gap)/2 refuse under the treatment alone, (psi - gap)/2
    under the reference alone. The placebo flips a share of the prompts as well, whichever the framing flips: psi again
    where nothing else is said, so that words alone explain the flips. All answers are valid, the questions of the
    manipulation check are answered rightly, and there is no baseline: the two gates that need one are left out.

Drift
    An engine that drifts refuses 6.5 points more in the second period of a pair, the effect that the study reported:
    of the prompts that neither framing refuses, a share turns to refusal wherever a case runs second. Placebo cases run
    past the pairs, and undrifted. A replicate differs from the first run where its pair ran in the other order.

Order
    The outcome of ``order_randomized`` depends on the draw alone. It is therefore judged on complete plans, drawn from
    fresh seeds and executed as drawn, once for each size (2,000 at most); the sessions of every cell take them in turn,
    with the numbers of pairs that each draw put first.

Consequences
    Two failures follow from what is simulated rather than from chance, and count apart: ``order_randomized`` where the
    suite fixes the order, and ``flip_rate`` where the true flip rate is above its limit.
"""
