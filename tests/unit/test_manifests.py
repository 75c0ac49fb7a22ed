"""What the manifests, the examples and the image promise, read without a cluster; tests/cluster applies them."""

import base64
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from cryptography import x509

from certwright import __version__
from certwright.api.certificateset import CLUSTER_CERTIFICATE_SET, ClusterCertificateSetSpec
from certwright.api.crd import KINDS
from certwright.api.importedcertificate import IMPORTED_CERTIFICATE, ImportedCertificateSpec
from certwright.api.importedcertificate_status import ResponseCode, StoreStatus
from certwright.api.kind import API_VERSION
from certwright.api.model import parse
from certwright.api.revocationsource import REVOCATION_SOURCE
from certwright.api.revocationsource_status import ListValidationCode
from certwright.api.trustdecision import TRUST_DECISION
from certwright.dialects import cluster_certificates
from certwright.dialects.root_certificates import CODES
from certwright.dialects.trust_state import TrustState
from certwright.findings import Reason
from certwright.settings import Settings

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
EXAMPLES = MANIFESTS / "examples"
NOTE = "An example, published with its key. Never use it for anything."

VOCABULARIES = {
    IMPORTED_CERTIFICATE.name: (get_args(StoreStatus), get_args(ResponseCode)),
    REVOCATION_SOURCE.name: (set(Reason), get_args(ListValidationCode)),
    TRUST_DECISION.name: (set(TrustState), set(CODES.values()) | {0}),
    CLUSTER_CERTIFICATE_SET.name: (set(Reason), set(cluster_certificates.ORDER)),
}
GOOD = frozenset({"good", "cluster"})

BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")

judged_examples = pytest.mark.parametrize(
    "path",
    [
        path
        for folder in ("good", "cluster", "bad", "cluster-bad")
        for path in sorted((EXAMPLES / folder).glob("*.yaml"))
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def base_documents() -> Iterator[dict[str, Any]]:
    for name in yaml.safe_load((MANIFESTS / "base" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]:
        yield from documents(MANIFESTS / "base" / name)


@pytest.fixture
def deployment() -> dict[str, Any]:
    (found,) = (document for document in base_documents() if document["kind"] == "Deployment")
    return found


@pytest.fixture
def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    result: dict[str, Any] = found
    return result


# ---- base


def test_deployment_sets_only_settings_that_there_are_when_it_starts(container: dict[str, Any]) -> None:
    known = {f"CERTWRIGHT_{name.upper()}" for name in Settings.model_fields}

    assert {variable["name"] for variable in container["env"]} <= known
    assert container["args"] == ["run"]


def test_deployment_elects_a_leader_when_it_has_more_than_one_replica(
    deployment: dict[str, Any], container: dict[str, Any]
) -> None:
    chosen = {variable["name"]: variable.get("value") for variable in container["env"]}

    assert deployment["spec"]["replicas"] > 1
    assert chosen["CERTWRIGHT_LEADER_ELECTION"] == "true"


def test_names_of_the_lease_agree_when_setting_role_and_fence_are_compared() -> None:
    name = Settings().lease_name
    roles = [document for document in base_documents() if document["kind"] == "Role"]
    (named,) = [
        rule["resourceNames"]
        for role in roles
        for rule in role["rules"]
        if "leases" in rule["resources"] and "update" in rule["verbs"]
    ]
    _, binding = documents(MANIFESTS / "components" / "fence" / "policy.yaml")

    assert named == [name]
    assert binding["spec"]["paramRef"] == {
        "name": name,
        "namespace": Settings().namespace,
        "parameterNotFoundAction": "Deny",
    }


def test_deployment_probes_the_port_that_is_served_when_settings_are_default(container: dict[str, Any]) -> None:
    (port,) = container["ports"]

    assert port["containerPort"] == Settings().listen_port
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_deployment_writes_nowhere_but_tmp_when_it_runs(deployment: dict[str, Any], container: dict[str, Any]) -> None:
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108 - a pod's own
    assert [set(volume) - {"name"} for volume in deployment["spec"]["template"]["spec"]["volumes"]] == [{"emptyDir"}]


def test_deployment_is_not_confused_by_services_when_one_is_called_certwright(deployment: dict[str, Any]) -> None:
    assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_deployment_runs_this_version_when_nobody_chose_another(container: dict[str, Any]) -> None:
    assert container["image"] == f"certwright:{__version__}"


@pytest.mark.parametrize("path", ["base/clusterrole.yaml", "base/role.yaml", "components/refresh/clusterrole.yaml"])
def test_every_rule_of_the_operator_says_its_purpose_when_read(path: str) -> None:
    lines = (MANIFESTS / path).read_text(encoding="utf-8").splitlines()

    rules = [number for number, line in enumerate(lines) if line.startswith("- apiGroups:")]
    assert rules
    for number in rules:
        assert lines[number - 1].startswith("# "), lines[number]
        assert "*" not in lines[number + 1] + lines[number + 2], lines[number]


def test_roles_reach_every_kind_and_those_of_a_namespace_no_other() -> None:
    roles = {
        document["metadata"]["name"]: document for document in base_documents() if document["kind"] == "ClusterRole"
    }

    for kind in KINDS:
        part = "cluster-" if kind.scope == "Cluster" else ""
        editing = "certwright-set-editor" if kind is CLUSTER_CERTIFICATE_SET else f"certwright-{part}editor"
        for name in ("certwright", f"certwright-{part}viewer", editing):
            assert any(kind.plural in rule["resources"] for rule in roles[name]["rules"]), (kind.name, name)
        for name, grants in ((f"certwright-{part}viewer", "view"), (editing, "edit")):
            label = f"rbac.authorization.k8s.io/aggregate-to-{grants}"
            assert (roles[name]["metadata"]["labels"].get(label) == "true") is (kind.scope == "Namespaced")
    editor = roles["certwright-editor"]["metadata"]["labels"]
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in editor


def test_namespace_enforces_the_strictest_standard_when_applied() -> None:
    (namespace,) = (document for document in base_documents() if document["kind"] == "Namespace")

    labels = namespace["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_kustomizations_name_files_that_there_are_when_built() -> None:
    for path in (*MANIFESTS.rglob("kustomization.yaml"), ROOT / "crds" / "kustomization.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in content.get("resources", []):
            assert (path.parent / name).exists(), f"{path}: {name}"
    for name in re.findall(
        r"^# - (\S*components\S*)$", (MANIFESTS / "overlays/default/kustomization.yaml").read_text(), re.MULTILINE
    ):
        assert (MANIFESTS / "overlays" / "default" / name / "kustomization.yaml").exists(), name


# ---- examples


@judged_examples
def test_example_says_what_it_shows_and_what_to_expect_when_opened(path: Path) -> None:
    head = path.read_text(encoding="utf-8").split("---\n", 1)[0]
    shown = subject_of(path)
    annotations = shown["metadata"]["annotations"]
    status, code = annotations["examples.certwright.io/expect"].split()

    assert all(line.startswith("#") for line in head.splitlines())
    assert f"# Expect {status} ({code})" in head
    words, codes = VOCABULARIES[shown["kind"]]
    assert status in words
    assert int(code) in codes
    assert (status in {"OK", "Valid"}) is (path.parent.name in GOOD)
    for reason in filter(None, annotations.get("examples.certwright.io/reasons", "").split(",")):
        assert reason in set(Reason)


@judged_examples
def test_example_can_be_applied_beside_all_others_when_names_begin_with_its_own(path: Path) -> None:
    shown = subject_of(path)

    assert shown["metadata"]["name"] == path.stem
    assert all(document["metadata"]["name"].startswith(path.stem) for document in documents(path))
    own = {document["metadata"]["name"] for document in documents(path) if document["kind"] == "Namespace"}
    spaces = {document["metadata"].get("namespace") for document in documents(path)} - {None}
    spaces.update(shown["spec"].get("namespaces", ()))
    assert (spaces, bool(own)) == (own, path.parent.name in {"cluster", "cluster-bad"})
    if shown["kind"] == IMPORTED_CERTIFICATE.name:
        for target in parse(ImportedCertificateSpec, shown["spec"]).targets:
            assert target.secret_name.startswith(path.stem)
    if shown["kind"] == CLUSTER_CERTIFICATE_SET.name:
        for slot in parse(ClusterCertificateSetSpec, shown["spec"]).slots:
            assert slot.secret_name.startswith(path.stem)


@judged_examples
def test_example_warns_of_its_key_when_it_holds_one(path: Path) -> None:
    for document in documents(path):
        if document["kind"] == "Secret":
            assert document["metadata"]["annotations"]["examples.certwright.io/note"] == NOTE
        else:
            assert "PRIVATE KEY" not in yaml.safe_dump(document)


@judged_examples
def test_example_outlives_its_readers_when_it_is_not_about_dates(path: Path) -> None:
    if path.stem in {
        "expired",
        "expired-among-good",
        "expired-ca",
        "expired-intermediate",
        "public-expired",
        "public-root",
    }:
        return

    for certificate in certificates_in(path):
        assert certificate.not_valid_after_utc.year == 2126


def test_examples_are_what_the_generator_writes_when_its_names_are_compared() -> None:
    script = (EXAMPLES / "generate.sh").read_text(encoding="utf-8")

    written = set(re.findall(r'> "\$output/(\S+\.yaml)"', script))
    assert written == {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.yaml")}


def test_examples_cover_every_answer_about_an_upload_when_listed() -> None:
    shown = {
        subject_of(path)["metadata"]["annotations"]["examples.certwright.io/expect"].split()[0]
        for path in EXAMPLES.glob("*/*.yaml")
        if path.parent.name not in {"refused", "cluster-bad"}
    }

    # What remains are states of the operator's own work, which no upload can ask for.
    assert set(get_args(StoreStatus)) - shown == {"CERTIFICATE_STORED_BUT_NOT_REFRESHED", "ERROR", "IN_PROGRESS"}


def subject_of(path: Path) -> dict[str, Any]:
    """Give the object that an example is about, of those with its name: a certificate, a list, a decision."""
    ours = [document for document in documents(path) if document.get("apiVersion") == API_VERSION]
    kinds = list(VOCABULARIES)
    named = [each for each in ours if each["kind"] in kinds and each["metadata"]["name"] == path.stem]
    return min(named, key=lambda each: kinds.index(each["kind"]))


def certificates_in(path: Path) -> Iterator[x509.Certificate]:
    for document in documents(path):
        spec = document.get("spec") or {}
        texts = [*document.get("stringData", {}).values(), *spec.values()]
        texts += [text for each in spec.get("certificates", ()) for text in each.values()]
        held = document.get("data", {}).values()
        texts += (
            held if document["kind"] == "ConfigMap" else [base64.b64decode(each).decode("latin-1") for each in held]
        )
        for text in texts:
            for block in BLOCK.findall(text) if isinstance(text, str) else ():
                try:
                    yield x509.load_pem_x509_certificate(block.encode())
                except ValueError:
                    assert path.stem == "truncated"


# ---- image


def instructions() -> list[list[str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_image_builds_on_any_python_when_the_base_is_chosen() -> None:
    assert arguments("ARG") == ["BASE=python:3.11-slim"]
    assert [each.split()[0] for each in arguments("FROM")] == ["${BASE}", "${BASE}"]
    assert not any(re.search(r"\b(apt|apt-get|apk|dnf|curl|wget)\b", each) for each in arguments("RUN"))


def test_image_holds_no_tool_to_install_or_build_when_it_is_final() -> None:
    final = [name for name, _ in instructions()[[name for name, _ in instructions()].index("FROM", 2) :]]

    assert "RUN" not in final
    assert final.count("COPY") == 1
    assert "--from=builder" in arguments("COPY")[-1]


def test_image_runs_the_operator_as_nobody_in_particular_when_started() -> None:
    (user,) = arguments("USER")

    assert user == "65532:65532"
    assert arguments("ENTRYPOINT") == ['["certwright"]']
    assert arguments("CMD") == ['["run"]']
    assert arguments("EXPOSE") == [str(Settings().listen_port)]


def test_image_context_holds_what_is_copied_when_everything_else_is_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    sources = {
        source.removeprefix("./")
        for each in arguments("COPY")
        if not each.startswith("--from")
        for source in shlex.split(each)[:-1]
    }

    assert "*" in ignored
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)
