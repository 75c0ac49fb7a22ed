from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from certwright.dialects import cluster_certificates, root_certificates, store_status, trust_state
from certwright.dialects.store_status import ANSWERS, OK, StoreStatus, worst_answer
from certwright.dialects.trust_state import PROBLEMS, STATES, TRANSITIONS, TrustState, problem_of
from certwright.findings import Reason

# (reason, source 1 status, response code, source 3 validation); None: the certificate keeps its own code.
TABLE = [
    (Reason.NOT_CHECKED, "IN_PROGRESS", 200, -1),
    (Reason.VALID, "OK", 200, 0),
    (Reason.UNPARSABLE, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2001),
    (Reason.UNDECODABLE, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2002),
    (Reason.EXPIRED, "CERTIFICATE_IS_EXPIRED", 525, 2003),
    (Reason.NOT_YET_VALID, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2004),
    (Reason.REVOKED, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2005),
    (Reason.VALIDATION_ERROR, "ERROR", 529, 2010),
    (Reason.ISSUER_NOT_FOUND, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2011),
    (Reason.USAGE_MISMATCH, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2012),
    (Reason.NAME_MISSING, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2012),
    (Reason.CHAIN_INVALID, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2013),
    (Reason.INVALID_SELF_SIGNED, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2014),
    (Reason.CRL_INVALID, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2020),
    (Reason.CRL_ERROR, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2030),
    (Reason.CRL_ISSUER_NOT_FOUND, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2031),
    (Reason.CRL_ISSUER_NOT_AUTHORIZED, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2032),
    (Reason.CRL_NOT_VALID, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2033),
    (Reason.CRL_EXPIRED, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2034),
    (Reason.KEY_INVALID, "PRIVATE_KEY_IS_INVALID", 526, None),
    (Reason.KEY_LOST, "PRIVATE_KEY_IS_INVALID", 526, None),
    (Reason.KEY_MISMATCH, "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE", 523, None),
    (Reason.FINGERPRINT_MISMATCH, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2013),
    (Reason.REFERENCE_NOT_FOUND, "NOT_FOUND", 404, -1),
    (Reason.INVALID_REQUEST, "BAD_REQUEST", 400, -1),
    (Reason.SOURCE_REMOVED, "BAD_REQUEST", 400, -1),
    (Reason.STORE_FAILED, "GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527, None),
    (Reason.TARGET_NOT_OWNED, "GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527, None),
    (Reason.TARGET_IMMUTABLE, "GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527, None),
    (Reason.TARGET_MISSING, "GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527, None),
    (Reason.NOT_REFRESHED, "CERTIFICATE_STORED_BUT_NOT_REFRESHED", 528, None),
    (Reason.LAST_GOOD_LOST, "GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527, None),
    (Reason.INTERNAL_ERROR, "ERROR", 529, 2010),
]


@pytest.mark.parametrize(("reason", "status", "code", "validation"), TABLE, ids=str)
def test_tables_translate_a_reason_when_it_is_documented(
    reason: Reason, status: str, code: int, validation: int | None
) -> None:
    assert (ANSWERS[reason].status, ANSWERS[reason].response_code) == (status, code)
    assert root_certificates.CODES.get(reason) == validation
    assert (reason in root_certificates.ABOUT_SOMETHING_ELSE) == (validation is None)


def test_tables_know_every_reason_or_say_that_they_do_not() -> None:
    assert set(ANSWERS) | store_status.NOT_ABOUT_STORING == set(Reason)
    assert not set(ANSWERS) & store_status.NOT_ABOUT_STORING
    assert set(root_certificates.CODES) | root_certificates.ABOUT_SOMETHING_ELSE == set(Reason)
    assert not set(root_certificates.CODES) & root_certificates.ABOUT_SOMETHING_ELSE
    assert set(STATES) | trust_state.NOT_ABOUT_TRUST == set(Reason)
    assert not set(STATES) & trust_state.NOT_ABOUT_TRUST
    assert set(PROBLEMS) < set(STATES)
    assert set(cluster_certificates.CODES) | cluster_certificates.NOT_ABOUT_SETS == set(Reason)
    assert not set(cluster_certificates.CODES) & cluster_certificates.NOT_ABOUT_SETS


def test_tables_call_warnings_fine_when_nothing_else_is_wrong() -> None:
    warnings = set(Reason) - {row[0] for row in TABLE} - store_status.NOT_ABOUT_STORING
    assert Reason.EXPIRING_SOON in warnings
    assert {ANSWERS[each] for each in warnings} == {OK}
    assert root_certificates.validation_code(warnings) == 0
    assert trust_state.trust_state(warnings, trusted=True) == "trusted"


def test_store_status_has_the_twelve_documented_values() -> None:
    assert sorted(StoreStatus) == [
        "BAD_REQUEST",
        "CERTIFICATE_CHAIN_IS_INVALID",
        "CERTIFICATE_IS_EXPIRED",
        "CERTIFICATE_STORED_BUT_NOT_REFRESHED",
        "ERROR",
        "GENERAL_ERROR_WHILE_STORING_CERTIFICATE",
        "IN_PROGRESS",
        "NOT_FOUND",
        "OK",
        "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE",
        "PRIVATE_KEY_IS_INVALID",
        "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
    ]


# ---- source 2

UNTRUSTED = [row[0] for row in TABLE if row[0] not in trust_state.NOT_ABOUT_TRUST | {Reason.VALID, Reason.EXPIRED}]


@pytest.mark.parametrize("reason", [*UNTRUSTED, Reason.TRUST_ENDED], ids=str)
def test_trust_state_is_untrusted_when_an_error_refuses_the_ca(reason: Reason) -> None:
    assert trust_state.trust_state([reason], trusted=True) == "untrusted"
    assert trust_state.trust_state([reason], trusted=False) == "untrusted"


@pytest.mark.parametrize("trusted", [True, False])
def test_trust_state_is_expired_whatever_is_wished_when_it_has_ended(*, trusted: bool) -> None:
    assert trust_state.trust_state([Reason.USAGE_MISMATCH, Reason.EXPIRED], trusted=trusted) == "expired"


@pytest.mark.parametrize(("trusted", "state"), [(True, "trusted"), (False, "untrusted")])
@pytest.mark.parametrize("errors", [[], [Reason.STORE_FAILED], [Reason.VALID]])
def test_trust_state_is_as_wished_when_nothing_refuses_the_ca(
    *, trusted: bool, state: str, errors: list[Reason]
) -> None:
    assert trust_state.trust_state(errors, trusted=trusted) == state


def test_trust_state_has_the_documented_values_and_transitions() -> None:
    assert sorted(TrustState) == ["expired", "trusted", "untrusted"]
    assert TRANSITIONS == (("untrusted", ("trusted",)), ("trusted", ("untrusted",)))


@pytest.mark.parametrize(
    ("reason", "type", "title"),
    [
        (Reason.REFERENCE_NOT_FOUND, "https://astra.netapp.io/problems/2", "Collection not found"),
        (Reason.INVALID_REQUEST, "https://astra.netapp.io/problems/5", "Invalid query parameters"),
        (Reason.SOURCE_REMOVED, "https://astra.netapp.io/problems/5", "Invalid query parameters"),
        (Reason.NOT_CHECKED, "https://astra.netapp.io/problems/41", "Service not ready"),
        (Reason.EXPIRED, "https://astra.netapp.io/problems/164", "Requested resource in unexpected state"),
        (Reason.CHAIN_INVALID, "https://certwright.io/reasons/ChainInvalid", "Chain invalid"),
        (Reason.CRL_ISSUER_NOT_FOUND, "https://certwright.io/reasons/CRLIssuerNotFound", "CRL issuer not found"),
        (Reason.TRUST_ENDED, "https://certwright.io/reasons/TrustEnded", "Trust ended"),
    ],
    ids=str,
)
def test_problem_of_a_reason_is_the_documented_one_when_there_is_one(reason: Reason, type: str, title: str) -> None:  # noqa: A002
    problem = problem_of(reason)
    assert (problem.type, problem.title) == (type, title)


# ---- source 4

SET_CODES = {
    400: "Unparsable Undecodable NotYetValid Revoked IssuerNotFound UsageMismatch NameMissing ChainInvalid "
    "InvalidSelfSigned CRLInvalid CRLError CRLIssuerNotFound CRLIssuerNotAuthorized CRLNotValid CRLExpired KeyInvalid "
    "KeyLost KeyMismatch FingerprintMismatch InvalidRequest SourceRemoved",
    403: "UnknownName RequiredCertificate",
    404: "ReferenceNotFound",
    406: "Expired",
    409: "StoreFailed TargetNotOwned TargetImmutable TargetMissing LastGoodLost JournalLost",
    500: "ValidationError InternalError",
}


@pytest.mark.parametrize(
    ("code", "reason"), [(code, name) for code, names in SET_CODES.items() for name in names.split()]
)
def test_cluster_certificates_give_the_documented_code_when_a_reason_stands(code: int, reason: str) -> None:
    assert cluster_certificates.code_of(Reason(reason)) == code


def test_cluster_certificates_call_everything_else_fine_or_not_theirs() -> None:
    named = {Reason(name) for names in SET_CODES.values() for name in names.split()}
    others = set(Reason) - named - cluster_certificates.NOT_ABOUT_SETS
    assert {cluster_certificates.code_of(each) for each in others} == {200}
    assert {cluster_certificates.code_of(each) for each in cluster_certificates.NOT_ABOUT_SETS} == {None}


@pytest.mark.parametrize(
    ("reason", "code"), [(Reason.UNKNOWN_NAME, 404), (Reason.REQUIRED_CERTIFICATE, 403), (Reason.STORE_FAILED, 500)]
)
def test_cluster_certificates_answer_a_deletion_as_documented_when_it_fails(reason: Reason, code: int) -> None:
    assert cluster_certificates.code_of(reason, deleting=True) == code


@pytest.mark.parametrize(("worse", "better"), list(pairwise([500, 403, 404, 400, 406, 409, 200])))
def test_cluster_certificates_order_codes_when_several_stand(worse: int, better: int) -> None:
    assert cluster_certificates.worst_code([better, worse]) == worse
    assert cluster_certificates.worst_code([]) == 200


# One reason for each step of the documented order, the worst first.
STORE_ORDER = [
    Reason.INTERNAL_ERROR,  # 529
    Reason.INVALID_REQUEST,  # 400
    Reason.REFERENCE_NOT_FOUND,  # 404
    Reason.USAGE_MISMATCH,  # 525
    Reason.KEY_INVALID,  # 526
    Reason.KEY_MISMATCH,  # 523
    Reason.EXPIRED,
    Reason.CHAIN_INVALID,  # 522
    Reason.STORE_FAILED,  # 527
    Reason.NOT_REFRESHED,  # 528
    Reason.NOT_CHECKED,  # in progress
    Reason.VALID,
]


@pytest.mark.parametrize(("worse", "better"), list(pairwise(STORE_ORDER)))
def test_worst_answer_follows_the_documented_order_when_several_stand(worse: Reason, better: Reason) -> None:
    assert worst_answer([better, worse]) == ANSWERS[worse]
    assert worst_answer([worse, better]) == ANSWERS[worse]


def test_worst_answer_is_ok_when_nothing_is_wrong() -> None:
    assert worst_answer([]) == OK


# Parse, decode, dates, self-signature, usage, issuer, chain, revocation.
VALIDATION_ORDER = [
    Reason.INTERNAL_ERROR,
    Reason.UNPARSABLE,
    Reason.UNDECODABLE,
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.INVALID_SELF_SIGNED,
    Reason.USAGE_MISMATCH,
    Reason.ISSUER_NOT_FOUND,
    Reason.CHAIN_INVALID,
    Reason.REVOKED,
    Reason.CRL_EXPIRED,
    Reason.CRL_NOT_VALID,
    Reason.CRL_ISSUER_NOT_AUTHORIZED,
    Reason.CRL_ISSUER_NOT_FOUND,
    Reason.CRL_INVALID,
    Reason.CRL_ERROR,
    Reason.NOT_CHECKED,
    Reason.VALID,
]


@pytest.mark.parametrize(("worse", "better"), list(pairwise(VALIDATION_ORDER)))
def test_validation_code_follows_the_documented_order_when_several_stand(worse: Reason, better: Reason) -> None:
    assert root_certificates.validation_code([better, worse]) == root_certificates.CODES[worse]
    assert root_certificates.place(worse) < root_certificates.place(better)


def test_validation_code_is_the_certificates_own_when_the_key_is_wrong() -> None:
    assert root_certificates.validation_code([Reason.KEY_MISMATCH]) == 0
    assert root_certificates.validation_code([Reason.KEY_MISMATCH, Reason.EXPIRED]) == 2003
    assert root_certificates.place(Reason.KEY_MISMATCH) > root_certificates.place(Reason.VALID)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.REFERENCE_NOT_FOUND, 1002),
        (Reason.INTERNAL_ERROR, 1020),
        (Reason.EXPIRED, 2003),
        (Reason.INVALID_REQUEST, -1),
        (Reason.STORE_FAILED, None),
    ],
)
def test_finding_code_is_the_unique_code_when_one_is_documented(reason: Reason, code: int | None) -> None:
    assert root_certificates.finding_code(reason) == code


def test_dialects_hold_every_vendor_code_when_the_source_is_searched() -> None:
    """Nothing else knows a vendor code (`certwright.api` declares the enumerations of the schema)."""
    package = Path(store_status.__file__).parents[1]
    vendor = re.compile(r"\b(52[235-9]|100[2]|1020|20[0-3]\d|404)\b")
    for module in (package / "reconcile").rglob("*.py"):
        code = re.sub(r'""".*?"""|#[^\n]*', "", module.read_text(), flags=re.DOTALL)
        assert not vendor.findall(code), module
