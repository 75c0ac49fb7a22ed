"""How much of a stranger's file is read: limits that hold before any work is done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Limits on one uploaded file; over a limit the file is refused with detail `LimitExceeded`.

    Attributes:
        file_bytes: the largest file, in bytes (etcd accepts objects of about this size).
        certificates: the most certificates in one file, duplicates counted.
        key_bytes: the largest single private key, in bytes of DER: four times an RSA key of 8192 bits.
        kdf_iterations: the most rounds of one password-based key derivation. The sender chooses the rounds, the
            operator does the work; one million take about a fifth of a second.
        rsa_bits_min: the smallest RSA modulus of a private key, in bits.
        rsa_bits_max: the largest, in bits.
    """

    file_bytes: int = 1 << 20
    certificates: int = 64
    key_bytes: int = 20 * 1024
    kdf_iterations: int = 1_000_000
    rsa_bits_min: int = 1024
    rsa_bits_max: int = 8192


DEFAULT_LIMITS = IntakeLimits()
"""The limits that hold where the caller names none."""
