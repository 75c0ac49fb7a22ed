"""The scenes of the demo, in the order in which they are played."""

import json
import re
import shlex
from base64 import b64decode, b64encode
from typing import Any

from rich.markup import escape

from tests.support.demo.examples import EXAMPLES, Example, condition, read_examples, reasons_of, state_of
from tests.support.demo.screen import command, console, output, say, table
from tests.support.demo.stage import NAMESPACE, SECRETS, Stage

STAR = "upload"
SOURCE, TARGET = "upload-source", "upload-tls"
WHAT_BLOCKS = (
    r'{range .status.certificates[?(@.reason!="Valid")]}{.name}{"\t"}{.responseCode}{"\t"}{.reason}{"\n"}{end}'
)
_SECRETS_OF_THE_SET = 6


def apply_examples(stage: Stage) -> None:
    """Apply every good and bad example and wait until each has come to what it says."""
    stage.steps.step("Certificates as people hand them in: good ones and bad ones")
    examples = [*read_examples("good"), *read_examples("bad")]
    stage.kubectl("apply", "--server-side", "-f", str(EXAMPLES / "good"), "-f", str(EXAMPLES / "bad"))
    wanted = [expectation for example in examples for expectation in example.expectations]

    def all_reached() -> bool:
        found = stage.custom_objects()
        return all(expected.identity in found and expected.seen_in(found[expected.identity]) for expected in wanted)

    seconds = stage.wait(all_reached)
    show_verdicts(stage, examples)
    if seconds is not None:
        stage.steps.check(f"{len(wanted)} objects judged as expected within {seconds:.1f} s", passed=True)


def show_verdicts(stage: Stage, examples: list[Example]) -> None:
    """Show each object, what it came to, and what it shows."""
    found = stage.custom_objects()
    rows = table("object", "state", "what it shows")
    for example in examples:
        for expected in example.expectations:
            custom_object = found.get(expected.identity, {"metadata": {"generation": 0}})
            passed = expected.seen_in(custom_object)
            state = state_of(custom_object)
            if not passed:
                wish = ", ".join([expected.state, *sorted(expected.reasons)])
                seen = ", ".join([state, *sorted(reasons_of(custom_object))])
                stage.steps.failures.append(f"{expected.identity}: expected {wish}; saw {seen}")
                state = f"{seen} (expected {wish})"
            mark = "[green]✓[/green]" if passed else "[red]✗[/red]"
            rows.add_row(mark, escape(expected.identity.partition("/")[2]), escape(state), escape(example.summary))
    console.print(rows)


def apply_refused(stage: Stage) -> None:
    """Apply what the API server itself refuses, before anything is stored."""
    stage.steps.step("Mistakes of form are refused at once, by the API server")
    rows = table("object", "refused because it", "what it shows")
    for example in read_examples("refused"):
        done = stage.kubectl("apply", "-f", str(example.path), check=False, show=False)
        passed = done.returncode != 0 and (example.refusal or "") in done.stderr
        if not passed:
            stage.steps.failures.append(f"{example.path.name}: must be refused ({example.refusal}): {done.stderr}")
        mark = "[green]✓[/green]" if passed else "[red]✗[/red]"
        rows.add_row(mark, example.path.stem, escape(example.refusal or ""), escape(example.summary))
    console.print(rows)


def look_around(stage: Stage) -> None:
    """Show what a person sees with kubectl."""
    stage.steps.step("What you see")
    output(stage.kubectl("get", "impcert", "--all-namespaces", "--output", "wide").stdout)
    output(stage.kubectl("describe", "impcert", "missing-intermediate").stdout)


def keep_last_good(stage: Stage) -> None:
    """Replace a good upload by a bad one: what is served stays."""
    stage.steps.step("Keep the last good one: replace the upload of `upload` by one without its intermediate")
    before, source = stage.secret(TARGET), stage.secret(SOURCE)
    if before is None or source is None:
        stage.steps.check(f"{TARGET} exists", passed=False)
        return
    leaf = re.split(rb"(?<=-----END CERTIFICATE-----\n)", b64decode(source["data"]["tls.crt"]))[0]
    _replace_upload(stage, {"tls.crt": b64encode(leaf).decode()})
    seconds = stage.wait(lambda: state_of(stage.custom_object(STAR)) == "CERTIFICATE_CHAIN_IS_INVALID 522")
    custom_object = stage.custom_object(STAR)
    stage.steps.check(f"refused {_after(seconds)}: {state_of(custom_object)}", passed=seconds is not None)
    say(f"Ready=False: {condition(custom_object, 'Ready').get('message', '')}")
    stage.steps.check(
        f"{TARGET} is untouched: resourceVersion {before['metadata']['resourceVersion']} before and after",
        passed=_version(stage.secret(TARGET)) == _version(before),
    )
    _replace_upload(stage, {"tls.crt": source["data"]["tls.crt"]})
    seconds = stage.wait(lambda: state_of(stage.custom_object(STAR)) == "OK 200")
    stage.steps.check(f"the whole chain again: OK {_after(seconds)}", passed=seconds is not None)


def repair_drift(stage: Stage) -> None:
    """Delete and damage a target: it comes back."""
    stage.steps.step("Put back what somebody else deleted or changed")
    wanted, client = _data(stage.secret(TARGET)), stage.control_plane.client
    # Sent without kubectl, whose own time would be counted.
    command(f"kubectl delete secret {TARGET}")
    client.delete(f"{SECRETS}/{TARGET}")
    seconds = stage.wait(lambda: _data(stage.secret(TARGET)) == wanted)
    stage.steps.check(f"{TARGET} is back {_after(seconds)}", passed=seconds is not None)
    damaged = {"tls.crt": b64encode(b"not a certificate").decode()}
    command(f"kubectl patch secret {TARGET} --patch '{json.dumps({'data': damaged})}'")
    _merge(stage, TARGET, damaged)
    seconds = stage.wait(lambda: _data(stage.secret(TARGET)) == wanted)
    stage.steps.check(f"{TARGET} is as it was {_after(seconds)}", passed=seconds is not None)


def keep_a_key(stage: Stage) -> None:
    """Show a key that was made here, what hangs under it, and the request for a CA."""
    stage.steps.step("A key of its own: a self-signed certificate at once, and a request for your CA to sign")
    output(stage.kubectl("get", "privkey").stdout)
    certificate = stage.custom_object("self-signed")
    request = certificate.get("status", {}).get("certificateSigningRequest", "")
    command("kubectl get impcert self-signed -o jsonpath='{.status.certificateSigningRequest}'")
    output("\n".join([*request.splitlines()[:2], "…"]))
    stage.steps.check("there is a request", passed=request.startswith("-----BEGIN CERTIFICATE REQUEST-----"))


def replace_a_set(stage: Stage) -> None:
    """Deploy a set, then hand in one bad certificate of it: nothing of it changes anywhere."""
    stage.steps.step("Several certificates in several namespaces: all of them, or none")
    command("kubectl apply -f manifests/examples/cluster/gateway.yaml")
    stage.control_plane.kubectl("apply", "-f", str(EXAMPLES / "cluster" / "gateway.yaml"))
    seconds = stage.wait(lambda: state_of(stage.certificate_set("gateway")) == "Valid 200")
    output(stage.kubectl("get", "certset", "gateway").stdout)
    stage.steps.check(f"three certificates in two namespaces {_after(seconds)}", passed=seconds is not None)
    before = _versions_of_set(stage)
    say("Somebody uploads the certificate of the proxy with the key of the API:")
    command('kubectl patch secret -n gateway-uploads gateway-proxy --patch \'{"data": {"tls.key": …}}\'')
    key = _data(stage.secret("gateway-api", "gateway-uploads"))["tls.key"]
    _merge(stage, "gateway-proxy", {"tls.key": key}, namespace="gateway-uploads")
    seconds = stage.wait(lambda: state_of(stage.certificate_set("gateway")) == "KeyMismatch 400")
    output(stage.kubectl("get", "certset", "gateway").stdout)
    blocking = stage.kubectl("get", "certset", "gateway", "-o", f"jsonpath={WHAT_BLOCKS}").stdout
    output(blocking)
    stage.steps.check(f"refused {_after(seconds)}: {' '.join(blocking.split())}", passed=blocking.startswith("proxy"))
    untouched = len(before) == _SECRETS_OF_THE_SET and _versions_of_set(stage) == before
    stage.steps.check("nothing changed in any namespace", passed=untouched)


def say_how_to_go_on(stage: Stage) -> None:
    """Tell how to use what runs on."""
    stage.steps.step("It goes on running; in another terminal:")
    for line in (
        f"export KUBECONFIG={shlex.quote(str(stage.control_plane.kubeconfig_admin))}",
        "kubectl get impcert --all-namespaces --output wide",
        f"curl http://127.0.0.1:{stage.operator.port}/metrics",
        f"tail -f {stage.operator.log}",
    ):
        output(line)
    say("Ctrl-C here ends it and removes everything.")


def _versions_of_set(stage: Stage) -> dict[str, tuple[str, str]]:
    names = ("gateway-proxy-tls", "gateway-api-tls", "gateway-client-ca")
    places = [(space, name) for space in ("gateway-a", "gateway-b") for name in names]
    found = {f"{space}/{name}": _version(stage.secret(name, space)) for space, name in places}
    return {name: version for name, version in found.items() if version is not None}


def _replace_upload(stage: Stage, data: dict[str, str]) -> None:
    # The values would fill the screen: shown as an ellipsis, sent as they are.
    command(f'kubectl patch secret {SOURCE} --patch \'{{"data": {{"tls.crt": …}}}}\'')
    _merge(stage, SOURCE, data)


def _merge(stage: Stage, secret: str, data: dict[str, str], *, namespace: str = NAMESPACE) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    path = f"/api/v1/namespaces/{namespace}/secrets/{secret}"
    stage.control_plane.client.request("PATCH", path, {"data": data}, headers=headers)


def _version(secret: dict[str, Any] | None) -> tuple[str, str] | None:
    return (secret["metadata"]["uid"], secret["metadata"]["resourceVersion"]) if secret else None


def _data(secret: dict[str, Any] | None) -> dict[str, str]:
    found: dict[str, str] = (secret or {}).get("data", {})
    return found


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else f"after {seconds * 1000:.0f} ms"
