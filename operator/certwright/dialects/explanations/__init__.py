"""What every reason means, why it usually comes up, and what to do: the words of `explain`, of SARIF and of the docs.

A reason without an entry fails a test. The texts address the person who has to act, name fields as they stand in a
spec, and know no vendor's code: those are looked up in the other tables of this floor.
"""

from collections.abc import Mapping
from types import MappingProxyType

from certwright.dialects.explanations.details import DETAILS
from certwright.dialects.explanations.explanation import Explanation
from certwright.dialects.explanations.refusals import REFUSALS
from certwright.dialects.explanations.remarks import REMARKS
from certwright.dialects.explanations.revocation import REVOCATION
from certwright.findings import Reason

__all__ = ["DETAILS", "EXPLANATIONS", "REFUSALS", "REMARKS", "REVOCATION", "Explanation"]

EXPLANATIONS: Mapping[Reason, Explanation] = MappingProxyType({**REFUSALS, **REVOCATION, **REMARKS})
"""Every reason there is."""
