r"""Every classifier is an energy: its logits f_y(x) are -E(x, y) of a joint density of points x and classes y.

Errors: as in score matching; E-CALLABLE for logits that are not (n, k).
"""

from refebm.glossary import Classes, Logits, Points, Rows, rows
from refebm.special import logsumexp


@rows
def classifier_energy(logits: Logits, x: Points) -> Rows:
    r"""-log sum_y exp(f_y(x)), (n,): the energy of x, summed over the classes.

    $$E(x) = -\log \sum_y e^{f_y(x)}$$

    logits (n, d) -> (n, k); x (n, d). Adding a number to all logits of x does not change the classifier, and lowers
    the energy by that number. Its score is ``score_of(lambda x: classifier_energy(logits, x))``.
    Convention: an energy, as everywhere here; out-of-distribution detection uses minus this as its score.
    Also: JEM, energy-based classifier, free energy score
    Source: Grathwohl et al. 2020, eq. 6
    """
    return -logsumexp(logits(x).T, axis=0)


@rows
def class_log_probabilities(logits: Logits, x: Points) -> Classes:
    r"""log p(y | x) = f_y(x) - log sum_y exp(f_y(x)), (n, k): the log of softmax.

    $$\log p(y \mid x) = f_y(x) - \log \sum_{y'} e^{f_{y'}(x)}$$

    logits (n, d) -> (n, k); x (n, d). Minus its entry at the class of x is the cross-entropy. Together with
    `classifier_energy` it gives the joint density: log p(y | x) - E(x) = f_y(x).
    Also: JEM, log softmax
    Source: Grathwohl et al. 2020, eqs. 1 and 4
    """
    f = logits(x)
    return f - logsumexp(f.T, axis=0)[:, None]
