"""The operator's settings."""

from certwright.settings import Settings
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
Each setting is an environment variable of the operator's container; an unknown one, or a value that does not fit,
ends the operator at its start with a message that names it. Durations are seconds. Set them with a patch in your own
overlay:

```yaml
patches:
- target: {kind: Deployment, name: certwright}
  patch: |
    - op: add
      path: /spec/template/spec/containers/0/env/-
      value: {name: CERTWRIGHT_STALLED_AFTER_SECONDS, value: "300"}
```"""


def write_settings() -> str:
    """Return the page."""
    rows = [
        (code(f"CERTWRIGHT_{name.upper()}"), code(_shown(field.default)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page("Settings", INTRODUCTION, table(["variable", "default", "meaning"], rows))


def _shown(default: object) -> str:
    return "[]" if default == () else str(default)
