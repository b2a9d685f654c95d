"""Redis URLs: what is taken of them, and that nothing of a bad one is ever quoted."""

from __future__ import annotations

import ssl

import pytest
import redis
from trainingrun_contracts.connection import (
    UNKNOWN_ADDRESS,
    AddressError,
    address_of,
    asyncio_client,
    blocking_client,
    parse_url,
    secret_of,
    why_unreachable,
)
from trainingrun_contracts.plain_text import one_line
from trainingrun_reconciler.desired.redis_tls import identity_for

SECRET = "s3cret"
HOSTILE = (
    f"redis://h:6379?password={SECRET}",
    f"redis://h:6379/0?password={SECRET}",
    f"redis://:{SECRET}/x@h:6379",
    f"redis://:{SECRET}#x@h:6379",
    f"redis://:{SECRET}?x@h:6379",
    f"redis://{SECRET}/x@h:6379",
    f"redis://:x/{SECRET}@h:6379",
    f"redis://:x@[{SECRET}@h:6379",
    f"redis://:{SECRET}@h:66666",
    f"redis://:{SECRET}@h:port",
    f"http://:{SECRET}@h:6379",
    f"unix://{SECRET}@/run/redis.sock",
    f"{SECRET}",
)


@pytest.mark.parametrize("url", HOSTILE)
def test_nothing_of_a_bad_url_is_quoted(url: str) -> None:
    """Neither in the error and its causes nor in the address."""
    for make in (parse_url, blocking_client, asyncio_client):
        with pytest.raises(AddressError) as caught:
            make(url)
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert address_of(url) == UNKNOWN_ADDRESS
    assert secret_of(url) == ""


def test_all_parts_of_a_good_url_are_taken() -> None:
    """Percent signs stand for what a URL cannot hold."""
    address = parse_url("rediss://me:p%2Fw%23@h.example:7000/3")
    assert (address.user, address.password, address.database) == ("me", "p/w#", 3)
    assert address.is_encrypted
    assert address.place == "h.example:7000"
    assert address_of("redis://:p@[::1]:7/0") == "[::1]:7"
    assert address_of("redis://h") == "h:6379"


@pytest.mark.parametrize("option", ["socket_timeout=100000", "credential_provider=x", "nosuch=1"])
def test_options_are_refused(option: str) -> None:
    """They would override the time limits, or make redis-py fail in ways of its own."""
    with pytest.raises(AddressError, match="options"):
        asyncio_client(f"redis://h:6379/0?{option}")


def test_a_certificate_travels_in_the_url() -> None:
    """Expect it as PEM for the client; and TLS, without which it would secure nothing."""
    identity = identity_for(SECRET, "h.example")
    address = parse_url(f"rediss://h.example/0?ca={identity.in_url}")
    assert address.certificate == ssl.DER_cert_to_PEM_cert(identity.certificate)
    assert address.settings["ssl_ca_data"] == address.certificate
    with pytest.raises(AddressError, match="without TLS: write rediss"):
        parse_url(f"redis://h.example/0?ca={identity.in_url}")


@pytest.mark.parametrize("text", ["", "x", "%00", "AAAA", SECRET, "====", "a" * 10_000])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    """Expect a message that says how to write one, and quotes nothing."""
    with pytest.raises(AddressError, match=r"no certificate.*openssl") as caught:
        parse_url(f"rediss://h/0?ca={text}")
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    """Redis repeats the arguments of a command that it does not know; AUTH may be renamed."""
    error = redis.ResponseError(f"unknown command 'AUTH', with args beginning with: '{SECRET}'\x1b")
    text = why_unreachable(error, f"redis://:{SECRET}@h:6379/0")
    assert SECRET not in text
    assert "\x1b" not in text


def test_one_line_has_no_control_characters() -> None:
    """Escapes of terminals are among them, those of eight bits too."""
    assert one_line("a\x1b[31mb\nc\x9bd", 100) == "a [31mb c d"
    assert one_line("a\u202eb\u2066", 100) == "a b "
    assert one_line("x" * 20, 10) == "x" * 9 + "…"
