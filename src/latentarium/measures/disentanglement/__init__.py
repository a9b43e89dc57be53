"""Are factors of variation in dimensions of their own: the published scores, given the true factors, and one without.

Scores with factors take codes (n, d) and factors (n, k). `udr`, without, says something of the dimensions, and nothing
of disentanglement, which is not defined without factors (Locatello et al. 2019).
"""

from latentarium.measures.disentanglement.dci import (
    dci_completeness,
    dci_completeness_of,
    dci_disentanglement,
    dci_disentanglement_of,
    dci_explicitness,
    dci_explicitness_of,
    dci_informativeness,
    dci_informativeness_of,
)
from latentarium.measures.disentanglement.infomec import infoc, infoc_of, infoe, infoe_of, infom, infom_of
from latentarium.measures.disentanglement.interventions import (
    beta_vae_score,
    beta_vae_score_of,
    factor_vae_score,
    factor_vae_score_of,
)
from latentarium.measures.disentanglement.linear import explicitness, explicitness_of, mcc, mcc_of, sap, sap_of
from latentarium.measures.disentanglement.mutual import mig, mig_of, modularity, modularity_of
from latentarium.measures.disentanglement.robustness import irs, irs_of
from latentarium.measures.disentanglement.unlabelled import udr, udr_of_spaces
from latentarium.measures.entry import Entry

__all__ = [
    "ENTRIES",
    "beta_vae_score",
    "dci_completeness",
    "dci_disentanglement",
    "dci_explicitness",
    "dci_informativeness",
    "explicitness",
    "factor_vae_score",
    "infoc",
    "infoe",
    "infom",
    "irs",
    "mcc",
    "mig",
    "modularity",
    "sap",
    "udr",
    "udr_of_spaces",
]


_FACTORED = frozenset({"encode", "factors"})

ENTRIES = (
    Entry("infom", _FACTORED, infom_of, relates=True),
    Entry("infoc", _FACTORED, infoc_of, relates=True),
    Entry("infoe", _FACTORED, infoe_of, relates=True),
    Entry("dci_disentanglement", _FACTORED, dci_disentanglement_of, relates=True),
    Entry("dci_completeness", _FACTORED, dci_completeness_of, relates=True),
    Entry("dci_informativeness", _FACTORED, dci_informativeness_of, relates=True),
    Entry("dci_explicitness", _FACTORED, dci_explicitness_of, relates=True),
    Entry("mig", _FACTORED, mig_of, relates=True),
    Entry("modularity", _FACTORED, modularity_of, relates=True),
    Entry("explicitness", _FACTORED, explicitness_of, relates=True),
    Entry("sap", _FACTORED, sap_of, relates=True),
    Entry("mcc", _FACTORED, mcc_of, relates=True),
    Entry("factor_vae_score", _FACTORED, factor_vae_score_of, relates=True),
    Entry("beta_vae_score", _FACTORED, beta_vae_score_of, relates=True),
    Entry("irs", _FACTORED, irs_of, relates=True),
)
