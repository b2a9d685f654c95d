"""Who a managed Redis is: a key and a certificate that follow from the run's secret.

As the passwords do, so that a deleted Secret comes back the same: the key is Ed25519 (RFC 8032),
whose signatures have no random part, and the certificate has fixed dates. It is its own issuer;
only members of the run trust it, by their URLs, and only for the name of the run's Service.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: no end. The certificate ends with its run."""
_NAME: Final = "trainingrun-redis"
_SERIAL_BYTES: Final = 16


@dataclass(frozen=True)
class Identity:
    """A certificate (DER) and its private key (PKCS 8, PEM)."""

    certificate: bytes
    key: str

    @property
    def in_url(self) -> str:
        """The certificate as the option ``ca`` of a Redis URL."""
        return base64.urlsafe_b64encode(self.certificate).rstrip(b"=").decode()

    @property
    def pem(self) -> str:
        """The certificate as a server reads it."""
        text = base64.encodebytes(self.certificate).decode()
        return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def identity_for(secret: str, host: str) -> Identity:
    """The identity of the Redis at a host, the same whenever it is asked for.

    Args:
        secret: of the run.
        host: DNS name that clients connect to.
    """
    key = Ed25519PrivateKey.from_private_bytes(_derived(secret, "key"))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    serial = int.from_bytes(_derived(secret, f"serial/{host}")[:_SERIAL_BYTES], "big") >> 1
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial or 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, algorithm=None)
    )
    private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Identity(certificate.public_bytes(Encoding.DER), private_key)


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"redis-tls/{purpose}".encode(), hashlib.sha256)
