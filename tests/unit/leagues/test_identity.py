"""The Secret of a league: the same whenever it is made, and what gRPC's TLS and tokens take."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store
from trainingrun_reconciler.kinds import LEAGUE
from trainingrun_reconciler.leagues.identity import tokens_secret
from trainingrun_reconciler.leagues.parts import Part, host_of
from trainingrun_reconciler.owner import Owner

OWNER = Owner("space", "ladder", "uid", LEAGUE)
SECRET = "correct-horse"


def content(owner: Owner = OWNER, secret: str = SECRET, beside: str = "") -> dict[str, str]:
    """The entries of the Secret."""
    found: dict[str, str] = tokens_secret(owner, secret, beside=beside)["stringData"]
    return found


def test_tokens_and_keys_come_back_the_same() -> None:
    """A Secret that is deleted is made again with what clients have; certificates' signatures
    alone have a random part."""
    first, second = content(), content()
    signed = ("ca.crt", "tls.crt")
    assert {key: first[key] for key in first if key not in signed} == {
        key: second[key] for key in second if key not in signed
    }
    keys = [x509.load_pem_x509_certificate(each["ca.crt"].encode()) for each in (first, second)]
    assert keys[0].public_key() == keys[1].public_key()
    assert content(secret="another")["token-key"] != first["token-key"]


@pytest.mark.parametrize(
    ("entry", "audience", "subject"),
    [
        ("services-token", "services", "service/cluster"),
        ("players-token", "players", "person/player"),
    ],
)
def test_tokens_are_those_that_a_library_reads(entry: str, audience: str, subject: str) -> None:
    """PyJWT, which the services have, takes them with the key that services derive."""
    given = content()
    signing = hmac.digest(given["token-key"].encode(), b"league/tokens", hashlib.sha256)
    claims = jwt.decode(
        given[entry], signing, algorithms=["HS256"], audience=audience, issuer="ladder"
    )
    assert claims["sub"] == subject
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(given[entry], signing, algorithms=["HS256"], audience="x", issuer="ladder")
    head = given[entry].partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}


def test_the_certificate_is_for_every_name_and_is_signed_by_the_authority() -> None:
    """A verifier of today's web, which is stricter than gRPC's, accepts it for each Service."""
    given = content()
    authority = x509.load_pem_x509_certificate(given["ca.crt"].encode())
    served = x509.load_pem_x509_certificate(given["tls.crt"].encode())
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = {host_of("ladder", "space", each) for each in Part}
    assert hosts < set(names.get_values_for_type(x509.DNSName))
    for host in hosts:
        store = PolicyBuilder().store(Store([authority]))
        verifier = store.build_server_verifier(x509.DNSName(host))
        assert len(verifier.verify(served, [])) == 2
    key = load_pem_private_key(given["tls.key"].encode(), password=None)
    assert key.public_key() == served.public_key()


def test_another_authority_may_be_trusted_besides() -> None:
    """Of a certificate that a user brings; clients trust both."""
    other = content(Owner("space", "other", "o", LEAGUE), "other")["ca.crt"]
    assert len(x509.load_pem_x509_certificates(content(beside=other)["ca.crt"].encode())) == 2
