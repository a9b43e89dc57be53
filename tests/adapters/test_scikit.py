import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, PCA, FactorAnalysis, FastICA, KernelPCA, SparsePCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from tests.contract.spaces import digits

from latentarium.adapters import from_sklearn
from latentarium.adapters.affine import from_parameters
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput

X = digits(200)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_is_the_estimator(whiten: bool) -> None:
    model = PCA(6, whiten=whiten, random_state=0).fit(X)
    space = from_sklearn(model)
    codes = model.transform(X.astype(float))
    np.testing.assert_allclose(space.encode(X), codes, atol=1e-5)
    np.testing.assert_allclose(space.decode(codes), model.inverse_transform(codes), atol=1e-5)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_prior_has_the_spread_of_the_codes(whiten: bool) -> None:
    space = from_sklearn(PCA(6, whiten=whiten, random_state=0).fit(X))
    assert isinstance(space.prior, Normal)
    np.testing.assert_allclose(space.prior.std, space.encode(X).std(0, ddof=1), rtol=1e-3)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_derivative_is_exact(whiten: bool) -> None:
    model = PCA(6, whiten=whiten, random_state=0).fit(X)
    scale = np.sqrt(model.explained_variance_) if whiten else np.ones(6)
    directions = np.eye(6, dtype=np.float32)
    _, derivative = from_sklearn(model).decode_jvp(np.ones((6, 6)), directions)
    np.testing.assert_allclose(derivative, model.components_ * scale[:, None], atol=1e-5)


def test_a_single_row_of_a_sparse_pca_is_a_row() -> None:
    # scikit-learn itself gives the codes of one row as (k,)
    model = SparsePCA(4, random_state=0, max_iter=20).fit(X)
    space = from_sklearn(model, batch_size=1)
    np.testing.assert_allclose(space.encode(X[:3]), model.transform(X[:3]), atol=1e-5)
    assert space.capabilities == {"encode", "decode", "derivative"}
    assert space.graphs_fn is not None


def test_parameters_of_an_ica_are_the_estimator() -> None:
    model = FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit(X)
    space = from_parameters({name: getattr(model, name) for name in ("components_", "mean_", "mixing_")})
    codes = model.transform(X)
    np.testing.assert_allclose(space.encode(X), codes, atol=1e-4)
    np.testing.assert_allclose(space.decode(codes), model.inverse_transform(codes), atol=1e-4)


def test_pca_of_constant_columns_still_has_a_prior() -> None:
    flat = np.zeros((20, 4))
    flat[:, 0] = np.arange(20)
    prior = from_sklearn(PCA(3).fit(flat)).prior
    assert isinstance(prior, Normal)
    assert (prior.std > 0).all()


def test_nmf_rows_do_not_depend_on_each_other() -> None:
    space = from_sklearn(NMF(4, init="nndsvda", max_iter=500, random_state=0).fit(X))
    together = space.encode(X[:10])
    np.testing.assert_array_equal(together[3], space.encode(X[3:4])[0])
    assert space.capabilities == {"encode", "decode", "derivative"}


def test_nmf_fitted_in_single_precision() -> None:
    model = NMF(3, init="nndsvda", max_iter=1000, random_state=0).fit(X)
    assert model.components_.dtype == np.float32
    assert from_sklearn(model).encode(X[:2]).shape == (2, 3)


def test_nmf_names_the_negative_rows_it_refuses() -> None:
    space = from_sklearn(NMF(2, max_iter=300).fit(X))
    with pytest.raises(InvalidInput, match=r"NMF\.transform refuses these rows: Negative values"):
        space.encode(-np.ones((1, 64)))


def test_fast_ica_has_a_decoder_and_no_prior() -> None:
    space = from_sklearn(FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit(X))
    assert space.capabilities == {"encode", "decode", "derivative"}


def test_kernel_pca_decodes_only_where_it_was_fitted_to() -> None:
    assert from_sklearn(KernelPCA(3, kernel="rbf").fit(X)).capabilities == {"encode"}
    able = KernelPCA(3, kernel="rbf", fit_inverse_transform=True).fit(X)
    assert from_sklearn(able).capabilities == {"encode", "decode"}


@pytest.mark.parametrize("model", [FactorAnalysis(3, random_state=0), KMeans(3, n_init=1, random_state=0)])
def test_transform_alone_gives_an_encoder(model: object) -> None:
    space = from_sklearn(model.fit(X))  # pyright: ignore[reportAttributeAccessIssue]
    assert space.capabilities == {"encode"}
    assert space.shape == (3,)


def test_estimators_fitted_on_named_columns_are_quiet() -> None:
    import pandas as pd

    space = from_sklearn(PCA(2).fit(pd.DataFrame(X[:, :3], columns=["a", "b", "c"])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space.encode(X[:2, :3])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (PCA(2), r"estimator must be fitted, got PCA\(n_components=2\); call fit"),
        (PCA, "a fitted scikit-learn estimator, got <class"),
        (LogisticRegression(), r"unsupervised, got LogisticRegression\(\)"),
        (TSNE(2), r"one with a transform, got TSNE\(\); where only codes are known use from_codes"),
        (3, "a fitted scikit-learn estimator, got 3"),
    ],
)
def test_unusable_estimators_are_refused(estimator: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_sklearn(estimator)


def test_sparse_results_are_refused() -> None:
    from sklearn.preprocessing import OneHotEncoder

    with pytest.raises(InvalidInput, match="dense rows"):
        from_sklearn(OneHotEncoder(handle_unknown="ignore").fit(np.zeros((3, 1))))
