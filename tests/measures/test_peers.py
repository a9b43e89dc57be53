"""Scores against other people's code for the same definition: scikit-learn and scipy, on the same rows and splits."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.measures.planted import rotation, rows

from latentarium.measures import disentanglement as d
from latentarium.measures.disentanglement.infomec import active_dimensions
from latentarium.measures.disentanglement.linear import SAP_ROWS
from latentarium.measures.disentanglement.probes import STEPS, STRENGTH
from latentarium.measures.disentanglement.tables import Factored
from latentarium.measures.music import note_f1_between
from latentarium.measures.samples import authenticity, birthday_estimate, class_kl, copies, ndb
from latentarium.measures.samples.classes import _halves

Array = NDArray[np.float64]


def factors(n: int = 900, sizes: tuple[int, ...] = (4, 6, 15), seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(sizes, size=(n, len(sizes))).astype(np.float64)


def noisy(truth: Array, scale: float = 0.8) -> Array:
    return truth @ (np.eye(truth.shape[1]) + 0.2) + scale * np.random.default_rng(2).standard_normal(truth.shape)


class TestFactors:
    def test_infoe_is_the_log_loss_of_a_probe_over_that_of_the_frequencies(self) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import log_loss
        from sklearn.preprocessing import StandardScaler

        truth = factors()
        codes = noisy(truth)
        learn, held = Factored.of(codes, truth).split()
        scaled = StandardScaler().fit_transform(codes)
        expected = []
        for column in truth.T:
            model = LogisticRegression(C=STRENGTH, max_iter=STEPS, tol=1e-3).fit(scaled[learn], column[learn])
            counts = np.bincount(column[learn].astype(int)) + 1
            blind = np.tile(counts / counts.sum(), (len(held), 1))
            after = log_loss(column[held], model.predict_proba(scaled[held]), labels=model.classes_)
            expected.append(1 - after / log_loss(column[held], blind, labels=model.classes_))
        found = d.infoe(codes, truth)
        assert found.parts["share"] == pytest.approx(expected, abs=1e-6)
        assert found.value == pytest.approx(np.mean(expected), abs=1e-6)

    def test_sap_is_the_gap_of_scikit_learns_scores(self) -> None:
        from sklearn.linear_model import LinearRegression
        from sklearn.metrics import balanced_accuracy_score, r2_score
        from sklearn.tree import DecisionTreeClassifier

        truth = factors()
        codes = noisy(truth)
        assert len(codes) < SAP_ROWS
        learn, held = Factored.of(codes, truth).split()
        gaps = []
        for k, size in enumerate((4, 6, 15)):
            skill = []
            for j in range(codes.shape[1]):
                x, y = codes[:, [j]], truth[:, k]
                if size <= 10:
                    tree = DecisionTreeClassifier(max_leaf_nodes=size, class_weight="balanced", random_state=0)
                    right = balanced_accuracy_score(y[held], tree.fit(x[learn], y[learn]).predict(x[held]))
                    skill.append((right - 1 / size) / (1 - 1 / size))
                else:
                    line = LinearRegression().fit(x[learn], y[learn])
                    skill.append(r2_score(y[held], line.predict(x[held])))
            best, second = sorted(np.clip(skill, 0, 1))[:-3:-1]
            gaps.append(best - second)
        # scikit-learn's R^2 is taken about the mean of the held-out rows, SAP's about that of the others
        assert d.sap(codes, truth).value == pytest.approx(np.mean(gaps), abs=5e-3)

    @pytest.mark.parametrize("name", ["infom", "infoc"])
    def test_infomec_from_scikit_learns_mutual_information(self, name: str) -> None:
        from scipy.stats import entropy
        from sklearn.metrics import mutual_info_score

        truth = factors()
        codes = np.round(noisy(truth))
        table = np.array(
            [[mutual_info_score(z, v) / entropy(np.unique(v, return_counts=True)[1]) for v in truth.T] for z in codes.T]
        )
        assert active_dimensions(Factored.of(codes, truth), "range")[1].all()
        share = table if name == "infom" else table.T
        peak = (share.max(1) / share.sum(1) - 1 / share.shape[1]) / (1 - 1 / share.shape[1])
        found = getattr(d, name)(codes, truth, estimator="discrete", unbiased=False)
        assert found.value == pytest.approx(peak.mean())

    def test_modularity_from_scikit_learns_mutual_information(self) -> None:
        from sklearn.metrics import mutual_info_score

        truth = factors()
        codes = noisy(truth)
        edges = [np.linspace(z.min(), z.max(), 11)[1:-1] for z in codes.T]
        squares = np.array(
            [
                [mutual_info_score(np.digitize(z, e), v) ** 2 for v in truth.T]
                for z, e in zip(codes.T, edges, strict=True)
            ]
        )
        expected = 1 - (squares.sum(1) - squares.max(1)) / (squares.max(1) * 2)
        found = d.modularity(codes, truth, bins=10, unbiased=False)
        assert found.value == pytest.approx(expected.mean(), abs=1e-6)

    def test_mcc_from_scipys_rank_correlation_and_assignment(self) -> None:
        from scipy.optimize import linear_sum_assignment
        from scipy.stats import spearmanr

        truth = factors()
        codes = np.exp(noisy(truth) @ rotation(3) / 4)
        table = np.abs(spearmanr(codes, truth).statistic[:3, 3:])
        chosen = linear_sum_assignment(table, maximize=True)
        assert d.mcc(codes, truth, method="spearman").value == pytest.approx(table[chosen].mean())

    def test_the_beta_vae_score_of_a_code_that_knows_one_factor_of_three(self) -> None:
        """It stands still when its own factor is held, and moves alike for the two others: 1/3 + 2/3 * 1/2."""
        truth = factors(6000, (5, 5, 5))
        found = d.beta_vae_score(truth[:, :1], truth, votes=3000)
        assert found.value == pytest.approx(2 / 3, abs=0.03)
        assert found.parts["accuracy"][0] == 1.0
        assert d.beta_vae_score(np.random.default_rng(0).standard_normal((6000, 3)), truth).value == pytest.approx(
            1 / 3, abs=0.06
        )


class TestSamples:
    def clusters(self, shares: list[int], seed: int) -> tuple[Array, NDArray[np.int64]]:
        labels = np.repeat(np.arange(len(shares)), shares)
        return 50 * np.eye(6)[labels] + rows(len(labels), 6, seed=seed), labels

    def test_bins_differ_where_scipys_test_of_two_proportions_says_so(self) -> None:
        """Six far clusters are the bins of any k-means."""
        from scipy.stats import chi2_contingency

        real, labels = self.clusters([200] * 6, seed=0)
        generated, drawn = self.clusters([50, 50, 30, 70, 60, 40], seed=1)
        _, held = _halves(len(real), 0)
        found = ndb(real, generated, bins=6)
        expected = []
        for c in range(6):
            a, b = (labels[held] == c).sum(), (drawn == c).sum()
            table = [[a, len(held) - a], [b, len(generated) - b]]
            expected.append(chi2_contingency(table, correction=False))
        assert found.value == np.mean([result.pvalue < 0.05 for result in expected])
        assert 0 < found.value < 1
        assert sorted(np.square(found.parts["z"])) == pytest.approx(sorted(result.statistic for result in expected))

    def test_the_divergence_of_classes_is_scipys(self) -> None:
        from scipy.stats import entropy

        real, labels = self.clusters([200] * 6, seed=0)
        generated, drawn = self.clusters([100, 100, 60, 140, 200, 0], seed=1)
        _, held = _halves(len(real), 0)
        expected = entropy(np.bincount(drawn, minlength=6), np.bincount(labels[held]) + 0.5)
        assert class_kl(real, generated, labels).value == pytest.approx(expected)

    def test_copies_and_authenticity_from_all_distances(self) -> None:
        from scipy.spatial.distance import cdist

        real, trained = rows(300, 5), rows(500, 5, seed=1)
        generated = np.concatenate([rows(150, 5, seed=2), trained[:80] + 0.05 * rows(80, 5, seed=3)])
        near = np.quantile(cdist(real, trained).min(1) ** 2, 0.01)
        to_trained = cdist(generated, trained)
        assert copies(real, generated, trained).value == pytest.approx((to_trained.min(1) ** 2 < near).mean())
        own = cdist(trained, trained)
        np.fill_diagonal(own, np.inf)
        away = to_trained.min(1) > own.min(1)[to_trained.argmin(1)]
        assert authenticity(real, generated, trained).value == pytest.approx(away.mean())

    def test_the_support_from_all_distances(self) -> None:
        from scipy.spatial.distance import cdist, pdist

        real = rows(300, 5)
        generated = rows(40, 5, seed=2)[np.random.default_rng(0).integers(40, size=200)]
        own = cdist(real, real)
        np.fill_diagonal(own, np.inf)
        collisions = (pdist(generated) <= np.quantile(own.min(1), 0.01)).sum()
        found = birthday_estimate(real, generated)
        assert found.settings["collisions"] == collisions
        assert found.value == pytest.approx(200 * 199 / 2 / collisions)


def melodies(n: int, seed: int) -> NDArray[np.float32]:
    """One of 90 symbols a step: rests and holds, two in three, and notes."""
    random = np.random.default_rng(seed)
    symbols = np.where(
        random.random((n, 16)) < 2 / 3, random.integers(2, size=(n, 16)), random.integers(2, 90, (n, 16))
    )
    return np.eye(90, dtype=np.float32)[symbols].transpose(0, 2, 1)


def drums(n: int, seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).random((n, 9, 16)) < 0.2).astype(np.float32)


@pytest.mark.parametrize(("make", "first"), [(melodies, 2), (drums, 0)], ids=["melodies", "drums"])
def test_notes_that_come_back_are_scikit_learns_f1(make: Callable[..., NDArray[np.float32]], first: int) -> None:
    from sklearn.metrics import f1_score

    x, other = make(40, 0), make(40, 1)
    again = np.where(np.random.default_rng(2).random((40, 1, 16)) < 0.6, x, other)
    expected = f1_score(x[:, first:].ravel() > 0.5, again[:, first:].ravel() > 0.5)
    assert note_f1_between(x, again).value == pytest.approx(expected)
    assert 0.2 < expected < 0.9
    assert note_f1_between(x, x).value == 1.0
