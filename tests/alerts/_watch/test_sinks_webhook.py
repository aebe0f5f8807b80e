"""The webhook, against a receiver on this machine that answers in every way receivers do."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import hashlib
import hmac
import json
import logging
import pickle
import socket
import ssl
import threading
import time
import traceback
from email.utils import format_datetime
from typing import Any

import pytest

from churnlib.alerts import DeliveryError, WebhookSink
from churnlib.alerts._watch._sinks_webhook import _retry_after
from churnlib.exceptions import ParameterError, ParameterTypeError
from tests.alerts._watch.test_notice import notice
from tests.alerts.receiver import receiving

THREE = [notice(customer=number) for number in (7, 8, 9)]
FAR = "Wed, 21 Oct 2099 07:28:00 GMT"


def sink_to(url: str, **options: Any) -> tuple[WebhookSink, list[float]]:
    """A sink whose waits are noted and not waited."""
    sink = WebhookSink(url, **({"timeout": 5.0, "retries": 3, "backoff": 1.0, "longest": 30.0} | options))
    waits: list[float] = []
    sink._sleep = waits.append
    return sink, waits


def test_notices_arrive_with_their_keys():
    with receiving() as receiver:
        with sink_to(receiver.url)[0] as sink:
            sink.send(THREE)
            sink.send([])
        [(headers, body)] = receiver.requests
    assert list(receiver.by_key) == [one.key for one in THREE]
    assert json.loads(body)["notices"][0] == THREE[0].to_dict()
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("churnlib/")
    assert headers["Idempotency-Key"] == hashlib.sha256("\n".join(one.key for one in THREE).encode()).hexdigest()
    assert "X-Churnlib-Signature" not in headers


def test_the_body_is_signed():
    with receiving() as receiver, sink_to(receiver.url, secret="sésame", headers={"X-Shop": "7"})[0] as sink:
        sink.send(THREE)
        [(headers, body)] = receiver.requests
    assert headers["X-Churnlib-Signature"] == "sha256=" + hmac.new("sésame".encode(), body, "sha256").hexdigest()
    assert headers["X-Shop"] == "7"


def test_a_user_in_the_url_is_sent_as_authorization():
    with receiving() as receiver, sink_to(receiver.url.replace("://", "://us%40r:wo%3Ard@"))[0] as sink:
        sink.send(THREE)
        [(headers, _)] = receiver.requests
    assert headers["Authorization"] == "Basic dXNAcjp3bzpyZA=="


def test_a_batch_has_a_largest_size_and_one_connection():
    with receiving() as receiver, sink_to(receiver.url, batch=2)[0] as sink:
        sink.send(THREE)
        sink.send(THREE[:1])
        assert [len(json.loads(body)["notices"]) for _, body in receiver.requests] == [2, 1, 1]
        assert receiver.connections == 1


@pytest.mark.parametrize("failure", [408, 429, 500, 503, "garbage", "drop"])
def test_what_may_go_away_is_tried_again(failure: Any):
    with receiving(failure, failure) as receiver:
        sink, waits = sink_to(receiver.url)
        with sink:
            sink.send(THREE)
        assert list(receiver.by_key) == [one.key for one in THREE]
        assert len({(headers["Idempotency-Key"], body) for headers, body in receiver.requests}) == 1
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0


def test_a_receiver_that_took_it_and_did_not_say_so_gets_it_again_with_the_same_keys():
    with receiving("drop") as receiver, sink_to(receiver.url)[0] as sink:
        sink.send(THREE)
        assert receiver.repeated == len(receiver.by_key) == 3


def test_a_receiver_that_hangs_is_given_up():
    with receiving("hang", "hang") as receiver:
        sink, waits = sink_to(receiver.url, timeout=0.1, retries=1)
        with pytest.raises(DeliveryError, match="did not answer in time after 1 repetition") as error:
            sink.send(THREE)
    assert error.value.status is None
    assert len(waits) == 1


def test_a_port_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sink, waits = sink_to(f"http://127.0.0.1:{port}/hook", retries=2)
    with pytest.raises(DeliveryError, match=r"3 notices were not accepted: http://127.0.0.1:\d+/\*\*\* was not to be"):
        sink.send(THREE)
    assert len(waits) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
def test_a_refusal_is_an_error_at_once(status: int):
    with receiving(status) as receiver:
        sink, waits = sink_to(receiver.url)
        with sink, pytest.raises(DeliveryError, match=f"answered {status}") as error:
            sink.send(THREE)
        assert (error.value.status, waits, len(receiver.requests)) == (status, [], 1)
        with sink:
            sink.send(THREE)  # it can be used again


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int):
    with receiving() as elsewhere, receiving((status, {"Location": elsewhere.url})) as receiver:
        sink, _ = sink_to(receiver.url, secret="sesame")
        with sink, pytest.raises(DeliveryError, match=f"answered {status}, a redirect, which is not followed") as error:
            sink.send(THREE)
        assert error.value.status == status
        assert elsewhere.requests == []


def test_it_gives_up_after_its_repetitions():
    with receiving(*[500] * 10) as receiver:
        sink, waits = sink_to(receiver.url, retries=3)
        with sink, pytest.raises(DeliveryError, match="answered 500 after 3 repetitions") as error:
            sink.send(THREE)
        assert (error.value.status, len(waits), len(receiver.requests)) == (500, 3, 4)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0.5, 1),
        ("3600", 30, 30),
        (FAR, 30, 30),
        ("soon", 0.5, 1),
        ("-5", 0.5, 1),
        ("9" * 400, 30, 30),
    ],
)
def test_the_receiver_says_when_to_come_back_up_to_a_limit(asked: str, least: float, most: float):
    with receiving((429, {"Retry-After": asked})) as receiver:
        sink, waits = sink_to(receiver.url)
        with sink:
            sink.send(THREE)
    assert least <= waits[0] <= most


def test_a_date_to_come_back_at():
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10)
    with receiving((503, {"Retry-After": format_datetime(soon, usegmt=True)})) as receiver:
        sink, waits = sink_to(receiver.url)
        with sink:
            sink.send(THREE)
    assert 5 < waits[0] <= 10


def test_waits_double_up_to_the_longest():
    sink, _ = sink_to("http://localhost:9", backoff=1.0, longest=20.0)
    for repeated, most in [(0, 1.0), (1, 2.0), (3, 8.0), (5, 20.0), (99, 20.0)]:
        waits = [sink._wait(repeated, 0.0) for _ in range(50)]
        assert most / 2 <= min(waits) < max(waits) <= most


def test_an_endless_answer_is_not_read_to_its_end():
    with receiving("endless") as receiver, sink_to(receiver.url)[0] as sink:
        sink.send(THREE)
        sink.send(THREE)
        assert receiver.connections == 2


def test_a_connection_that_the_receiver_closed_meanwhile_is_no_failure():
    with receiving((200, {"Connection": "keep-alive"})) as receiver:
        sink, waits = sink_to(receiver.url, retries=0)
        with sink:
            sink.send(THREE)
            sink._connection.sock.shutdown(socket.SHUT_RDWR)
            sink.send(THREE)
    assert (receiver.connections, waits) == (2, [])


def test_https_is_checked():
    with receiving() as receiver:
        sink, waits = sink_to(receiver.url.replace("http://", "https://"), retries=1)
        with pytest.raises(DeliveryError, match="was not to be reached"):
            sink.send(THREE)
        assert receiver.requests == []
    assert len(waits) == 1
    assert sink._connect()._context.verify_mode == ssl.CERT_REQUIRED


# -- what nobody is to see ------------------------------------------------------------------------

SECRETS = ("sesame", "in-the-query", "word", "bearer-of-it", "/hook", "dXNlcjp3b3Jk")


def test_secrets_are_seen_nowhere(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]):
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with receiving(400, "garbage", 500, "hang") as receiver:
        url = receiver.url.replace("://", "://user:word@")
        sink, _ = sink_to(url, secret="sesame", headers={"X-Key": "bearer-of-it"}, retries=0, timeout=0.1)
        for _ in range(4):
            with pytest.raises(DeliveryError) as error:
                sink.send(THREE)
            seen += [str(error.value), repr(error.value), "".join(traceback.format_exception(error.value))]
            seen.append(repr(error.value.__cause__) + repr(error.value.__context__))
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(ParameterTypeError, match="a WebhookSink was to be pickled or copied") as refused:
            copied(sink)
        seen.append("".join(traceback.format_exception(refused.value)))
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(sink._secret)
    seen += [repr(sink), str(sink), f"{sink}", repr(vars(sink)), caplog.text, *capfd.readouterr()]
    assert repr(sink).startswith("WebhookSink('http://127.0.0.1:")
    assert not [secret for secret in SECRETS if any(secret in text for text in seen)]


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("ftp://user:word@crm.example/hook", "url has the scheme 'ftp'"),
        ("file:///hook/word", "names no host"),
        ("crm.example/hook?word", "names no host"),
        ("http:///hook/word", "names no host"),
        ("http://user:word@crm.example:99999/", "names no host, or no port there can be"),
        ("http://user:word@crm.example:0/", "names no host, or no port there can be"),
        ("http://user:word@[::1/", "names no host"),
        ("http://crm.example/hook word", "a space"),
        ("http://crm.example/hook\r\nX-Word: word", "a line break"),
        ("http://crm.example/wörd-word", "a letter beyond ASCII"),
    ],
)
def test_a_wrong_url_is_refused_without_being_said(url: str, match: str):
    with pytest.raises(ParameterError, match=match) as error:
        WebhookSink(url)
    assert "word" not in "".join(traceback.format_exception(error.value)).split("ParameterError")[-1]


def test_wrong_arguments_are_refused_without_being_said():
    url = "http://crm.example/hook"
    for options, match in [
        ({"headers": {"X-Key": "a\r\nword"}}, "the header 'X-Key' has a line break"),
        ({"headers": {"X-Key": "wörd-word"}}, "a letter beyond ASCII"),
        ({"headers": {"X Key": "word"}}, "the name of a header has ' '"),
        ({"headers": {"Idempotency-Key": "word"}}, "which the sink sets itself"),
        ({"headers": {"x-churnlib-signature": "word"}}, "which the sink sets itself"),
        ({"secret": ""}, "secret is empty"),
        ({"timeout": 0}, "timeout=0"),
        ({"longest": float("inf")}, "longest"),
        ({"backoff": -1}, "backoff"),
        ({"retries": -1}, "retries"),
        ({"batch": 0}, "batch"),
    ]:
        with pytest.raises(ParameterError, match=match) as error:
            WebhookSink(url, **options)
        assert "word" not in str(error.value)
    for options, match in [
        ({"secret": 5}, "secret is a int"),
        ({"headers": ["word"]}, "headers is a list"),
        ({"headers": {"X-Key": 5}}, "the header 'X-Key' is a int"),
    ]:
        with pytest.raises(ParameterTypeError, match=match):
            WebhookSink(url, **options)
    with pytest.raises(ParameterTypeError, match="url is a int"):
        WebhookSink(5)
    with pytest.raises(ParameterError, match="the url has a user, and headers an authorization"):
        WebhookSink("http://user:word@crm.example", headers={"authorization": "word"})


def test_the_address_of_six_numbers():
    assert repr(WebhookSink("http://[::1]:8000/hook", secret=b"s")) == "WebhookSink('http://[::1]:8000/***', signed)"


@pytest.mark.parametrize("drop", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x"])
def test_an_answer_in_drops_is_given_up(drop: bytes):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(drop)
                    time.sleep(0.01)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        sink, _ = sink_to(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.05, retries=0)
        begin = time.monotonic()
        with pytest.raises(DeliveryError, match="were not accepted"):
            sink.send(THREE)
        assert time.monotonic() - begin < 3
        thread.join(5)


@pytest.mark.parametrize("text", ["Mon, 01 Jan 2020 00:00:00 +999999999999", "Mon, 99", "\x00", "soon"])
def test_no_date_of_a_receiver_stops_the_sink(text: str):
    assert _retry_after(text) == 0.0


def test_a_host_that_has_no_name_is_not_reached():
    sink, _ = sink_to("http://" + "a" * 70 + ".example", retries=0)
    with pytest.raises(DeliveryError, match="no name of a host"):
        sink.send(THREE)


def test_a_header_in_the_wrong_order_is_not_said():
    with pytest.raises(ParameterError, match="the name of a header has ' '") as error:
        WebhookSink("https://crm.example", headers={"Bearer hunter2": "Authorization"})
    assert "hunter2" not in str(error.value)
    with pytest.raises(ParameterTypeError, match="context is a str; an SSLContext was expected"):
        WebhookSink("https://crm.example", context="system")  # type: ignore[arg-type]
