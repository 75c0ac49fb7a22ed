from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.origin import Origin
from certwright.pki.pkcs7 import read_pkcs7
from tests.support import pki_files
from tests.support.pki_files import PASSWORD, VECTORS, issued, openssl, pem_to_der

ORIGIN = Origin("`tls.crt`")


def refusal(data: bytes) -> Finding:
    with pytest.raises(MaterialError) as caught:
        read_pkcs7(data, ORIGIN)
    assert caught.value.finding.reason is Reason.UNPARSABLE
    return caught.value.finding


def test_read_pkcs7_lists_certificates_when_openssl_wrote_it() -> None:
    expected = {issued(role).der for role in ("leaf", "issuing", "root")}
    assert set(read_pkcs7(pki_files.pkcs7("-outform", "DER"), ORIGIN)) == expected


@pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER:UserWarning")
@pytest.mark.parametrize("name", ["amazon-roots.der", "amazon-roots.p7b", "isrg.pem"])
def test_read_pkcs7_agrees_with_the_library_on_published_vectors(name: str) -> None:
    data = (VECTORS / "pkcs7" / name).read_bytes()
    data = pem_to_der(data) if data.startswith(b"-----") else data
    assert read_pkcs7(data, ORIGIN) == tuple(
        certificate.public_bytes(Encoding.DER) for certificate in load_der_pkcs7_certificates(data)
    )


def test_read_pkcs7_reads_it_when_lengths_are_indefinite() -> None:
    files = {"leaf.pem": issued("leaf").certificate, "key.pem": issued("leaf").key}
    signing = ["cms", "-sign", "-signer", "leaf.pem", "-inkey", "key.pem", "-outform", "DER", "-stream", "-nodetach"]
    streamed = openssl(*signing, stdin=b"contents", files=files)
    assert streamed[1] == 0x80
    assert read_pkcs7(streamed, ORIGIN) == (issued("leaf").der,)


def test_read_pkcs7_says_none_when_the_list_is_empty() -> None:
    only_crl = openssl("crl2pkcs7", "-outform", "DER", stdin=pki_files.revocation_list())
    found = refusal(only_crl)
    assert found.detail is Detail.NO_CERTIFICATE
    assert found.message == "`tls.crt`: the PKCS#7 file holds no certificate."


def test_read_pkcs7_says_what_it_holds_when_it_is_encrypted_data() -> None:
    sealed = openssl(
        "cms", "-EncryptedData_encrypt", "-secretkey", "00" * 32, "-aes256", "-outform", "DER", stdin=PASSWORD
    )
    found = refusal(sealed)
    assert found.detail is Detail.WRONG_TYPE
    assert found.message == "`tls.crt`: the PKCS#7 file holds enveloped or plain data, not a list of certificates."


@pytest.mark.parametrize("data", ["", "3000", "300b06092a864886f70d010702", "30020500"])
def test_read_pkcs7_says_damaged_when_it_cannot_be_walked(data: str) -> None:
    found = refusal(bytes.fromhex(data))
    assert found.message == "`tls.crt`: the PKCS#7 file cannot be decoded."
    assert found.detail is Detail.DER_DAMAGED
