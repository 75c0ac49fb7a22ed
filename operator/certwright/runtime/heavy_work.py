"""Where work is done: on the event loop, or in a worker process when it would keep everything else waiting."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from certwright.cluster.rendering import is_heavy, render_recipe
from certwright.findings import MaterialError
from certwright.pki.render import SecretRecipe
from certwright.pki.trust_bundle import BundleRecipe
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.driver import internal_error
from certwright.runtime.processes import Processes, WorkFailedError

logger = logging.getLogger(__name__)

READING = "\x00reading"
RENDERING = "\x00rendering"
"""In the place of a namespace, for the share of the worker processes: reading lists and rendering know of none."""


async def judge_in(processes: Processes, reconciler: Reconciler[Any], snapshot: Snapshot) -> Any:
    """Judge here, or in a worker process when it is heavy; what is cut short there is refused here."""
    if not reconciler.is_heavy(snapshot):
        return reconciler.judge(snapshot)
    try:
        return await processes.run(reconciler.judge, snapshot, namespace=snapshot.subject.key.namespace)
    except MaterialError as error:
        return reconciler.refuse(snapshot, error.finding)
    except WorkFailedError as error:
        logger.error("%s", error, extra={"about": snapshot.subject.key})  # noqa: TRY400 - it holds the trace that counts
        return reconciler.refuse(snapshot, internal_error(error))


async def render_in(
    processes: Processes, recipe: SecretRecipe | BundleRecipe, stored: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Render here, or in a worker process when it is heavy.

    Raises:
        MaterialError: it cannot be rendered, or not in time.
    """
    if not is_heavy(recipe):
        return render_recipe(recipe, stored)
    return await processes.run(render_recipe, recipe, stored, namespace=RENDERING)
