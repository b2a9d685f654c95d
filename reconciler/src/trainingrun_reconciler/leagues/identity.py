"""What a league is known by: the key of its tokens, two tokens, and its certificate.

All of it follows from one secret (as a managed Redis' passwords and certificate do), so that a
Secret that somebody deletes comes back with what clients have. Tokens are JSON Web Tokens (RFC
7519) signed by HMAC (RFC 7518, 3.2); they end when the league's key does, with the league.
The keys of certificates are of the curve P-256 and not Ed25519, which the TLS of gRPC does not
accept; signatures have a random part, and no client minds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trainingrun_reconciler.kinds import SECRET
from trainingrun_reconciler.leagues.parts import hosts_of
from trainingrun_reconciler.manifests.metadata import Manifest, manifest
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.roles.league import AUTHORITY_KEY as AUTHORITY
from trainingrun_reconciler.roles.league import TOKEN_KEY as SERVICES_TOKEN
from trainingrun_reconciler.roles.league import tokens_secret as tokens_name

PLAYERS_TOKEN: Final = "players-token"  # noqa: S105 - the name of an entry
"""For clients of people."""
TOKEN_KEY: Final = "token-key"  # noqa: S105 - the name of an entry
CERTIFICATE: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"
CURVE_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (SP 800-186, 3.2.1.3)."""
_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: no end. The certificate ends with its league."""
_SERIAL_BYTES: Final = 16


def tokens_secret(owner: Owner, secret: str, *, beside: str = "") -> Manifest:
    """The Secret of a league: made once, and not changed by us. It is not marked immutable: what is
    mounted from such a Secret stays for as long as a pod uses it, although the League was made anew
    meanwhile, with another Secret of this name.

    ``beside`` are certificates (PEM) that are trusted as well as the league's own authority.
    """
    key = _derived(secret, "token-key").hex()
    authority_key, authority = _authority(secret)
    certificate, private_key = _served(secret, owner, authority_key, authority)
    content = {
        SERVICES_TOKEN: token(key, owner.name, audience="services", subject="service/cluster"),
        PLAYERS_TOKEN: token(key, owner.name, audience="players", subject="person/player"),
        TOKEN_KEY: key,
        AUTHORITY: authority.public_bytes(Encoding.PEM).decode() + beside,
        CERTIFICATE: certificate,
        PRIVATE_KEY: private_key,
    }
    name = tokens_name(owner.name)
    return manifest(SECRET, owner, name, type="Opaque", stringData=content)


def token(key: str, league: str, *, audience: str, subject: str) -> str:
    """A token of a league that its services take (``league.server.tokens``)."""
    claims = {"aud": audience, "sub": subject, "iss": league, "exp": int(_END.timestamp())}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signing = hmac.digest(key.encode(), b"league/tokens", hashlib.sha256)
    return f"{signed}.{_url(hmac.digest(signing, signed.encode(), hashlib.sha256))}"


def _authority(secret: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = _private_key(secret, "authority")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trainingrun-league-authority")])
    built = (
        _builder(secret, "authority", name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return key, built.sign(key, hashes.SHA256())


def _served(
    secret: str, owner: Owner, signer: ec.EllipticCurvePrivateKey, authority: x509.Certificate
) -> tuple[str, str]:
    """Certificate and key of the league's servers, as PEM."""
    key = _private_key(secret, "server")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trainingrun-league")])
    hosts = [x509.DNSName(each) for each in hosts_of(owner.name, owner.namespace)]
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = (
        _builder(secret, "server", name, authority.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName([*hosts, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    certificate = built.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return certificate, pem


def _builder(
    secret: str, purpose: str, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    serial = int.from_bytes(_derived(secret, f"serial/{purpose}")[:_SERIAL_BYTES], "big") >> 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial or 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_key(secret: str, purpose: str) -> ec.EllipticCurvePrivateKey:
    """A key of P-256, from twice the bytes so that no number is likelier (FIPS 186-5, A.2.1)."""
    halves = (_derived(secret, f"key/{purpose}/{half}") for half in (0, 1))
    number = int.from_bytes(b"".join(halves), "big") % (CURVE_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"league/{purpose}".encode(), hashlib.sha256)


def _part(content: Mapping[str, Any]) -> str:
    return _url(json.dumps(content, separators=(",", ":")).encode())


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
