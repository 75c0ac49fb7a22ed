"""What a certificate is wished to say, and how one is made that its own key signs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from certwright.api.model import WireModel

VALIDITY_DAYS_MAX = 36_500
"""The most days that a self-signed certificate is made for: a hundred years."""


class SelfSigned(WireModel):
    """How the certificate is made that certwright signs with the certificate's own key."""

    validity_days: Annotated[int, Field(ge=1, le=VALIDITY_DAYS_MAX, json_schema_extra={"format": "int32"})] = 365
    """validityDays is for how many days each of them is valid. Default: 365."""


class Subject(WireModel):
    """What the subject of the certificate is wished or expected to be; the attributes are those of source 5."""

    common_name: Annotated[str, Field(max_length=256)] | None = None
    """commonName is the expected common name (CN). Example: `shop.example.com`."""

    organization_name: Annotated[str, Field(max_length=256)] | None = None
    """organizationName is the expected organization (O). Example: `Example GmbH`."""

    organization_unit: Annotated[str, Field(max_length=256)] | None = None
    """organizationUnit is the expected organizational unit (OU). Example: `IT`."""

    locality: Annotated[str, Field(max_length=256)] | None = None
    """locality is the expected city (L). Example: `Ulm`."""

    state_province: Annotated[str, Field(max_length=256)] | None = None
    """stateProvince is the expected state or province (ST). Example: `BW`."""

    country_code: Annotated[str, Field(max_length=2, pattern=r"^[A-Za-z]{2}$")] | None = None
    """countryCode is the expected country (C): two letters, ISO 3166. Example: `DE`."""

    email: Annotated[str, Field(max_length=256)] | None = None
    """email is the expected e-mail address in the subject. Example: `webmaster@example.com`."""
