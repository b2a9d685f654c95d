"""The identity of a managed Redis: the same again, and another for another run."""

from __future__ import annotations

import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from trainingrun_reconciler.desired.redis_tls import identity_for

HOST = "mine-redis.team.svc"


def test_a_deleted_secret_comes_back_with_the_same_identity() -> None:
    """Expect members with the old URL to continue trusting the server."""
    assert identity_for("one", HOST) == identity_for("one", HOST)
    assert identity_for("one", HOST) != identity_for("two", HOST)
    assert identity_for("one", HOST) != identity_for("one", "other-redis.team.svc")


def test_key_and_certificate_belong_together() -> None:
    """Expect the server to be able to read both, and clients to find the Service's name."""
    identity = identity_for("one", HOST)
    certificate = x509.load_pem_x509_certificate(identity.pem.encode())
    key = load_pem_private_key(identity.key.encode(), password=None)
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    certificate.verify_directly_issued_by(certificate)
    assert ssl.PEM_cert_to_DER_cert(identity.pem) == identity.certificate
