"""Certificates that a league makes itself, where it is given none.

An authority follows from the league's key (as of ADR 29): every process that has the key makes the
same one and trusts it, and signs with it a certificate for the names that it is reached by. Clients
without the key need the authority's certificate, which is no secret. The keys are ECDSA on P-256,
with RFC 6979's signatures, which have no random part: BoringSSL, which gRPC speaks TLS with, takes
no Ed25519 without being asked.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: no end. They end with the key."""
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256's group (FIPS 186-4, D.1.2.3)."""


@dataclass(frozen=True)
class Certificates:
    """PEM: a server's certificate with its key, and the authority's certificate."""

    certificate: bytes
    key: bytes = field(repr=False)
    authority: bytes


def certificates(secret: bytes, league: str, names: Iterable[str]) -> Certificates:
    """Return those of a server, the same whenever they are asked for.

    Args:
        secret: the league's key.
        league: its name.
        names: DNS names and addresses that clients connect to.
    """
    issuer = _Issuer(secret, league)
    ordered = sorted(set(names))
    key = _key(secret, f"server/{league}/{','.join(ordered)}")
    certificate = issuer.sign(
        _builder(f"trainingrun-league {league}", f"{league}/{','.join(ordered)}", secret)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(_alternatives(ordered)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificates(certificate, private, issuer.certificate())


def authority(secret: bytes, league: str) -> bytes:
    """Return the certificate (PEM) of the league's authority: what a client trusts."""
    return _Issuer(secret, league).certificate()


def names_of(certificate: bytes) -> Sequence[str]:
    """Return the DNS names of a server's certificate (PEM); clients connect to one of them."""
    found = x509.load_pem_x509_certificate(certificate)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


class _Issuer:
    def __init__(self, secret: bytes, league: str) -> None:
        self._secret, self._league = secret, league
        self._key = _key(secret, f"authority/{league}")
        common = f"trainingrun-league {league} authority"
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common[:64])])

    def sign(self, builder: x509.CertificateBuilder) -> bytes:
        signed = builder.issuer_name(self._name).sign(self._key, SHA256(), ecdsa_deterministic=True)
        return signed.public_bytes(Encoding.PEM)

    def certificate(self) -> bytes:
        return self.sign(
            _builder("", f"authority/{self._league}", self._secret)
            .subject_name(self._name)
            .public_key(self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        )


def _builder(common: str, purpose: str, secret: bytes) -> x509.CertificateBuilder:
    serial = int.from_bytes(_derived(secret, f"serial/{purpose}")[:16], "big") >> 1
    builder = (
        x509.CertificateBuilder()
        .serial_number(serial or 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
    )
    if not common:
        return builder
    name = x509.NameAttribute(x509.NameOID.COMMON_NAME, common[:64])
    return builder.subject_name(x509.Name([name]))


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _key(secret: bytes, purpose: str) -> EllipticCurvePrivateKey:
    wide = _derived(secret, f"key/1/{purpose}") + _derived(secret, f"key/2/{purpose}")
    return derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, SECP256R1())


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, f"league-tls/{purpose}".encode(), sha256)
