"""The sink that posts notices to a URL, until they are accepted or it is plain that they will not be."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import http.client
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, Self
from urllib.parse import SplitResult, unquote, urlsplit

from churnlib._checks import check_integer, check_number
from churnlib._version import __version__
from churnlib.alerts._watch._notice import Notice
from churnlib.alerts._watch._sinks import DeliveryError
from churnlib.alerts._watch._sinks_lines import ESCAPED
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some

__all__ = ["WebhookSink"]

_AGAIN = frozenset({408, 429})
_OURS = frozenset({"content-type", "content-length", "host", "idempotency-key", "transfer-encoding", "connection"})
_SIGNATURE = "X-Churnlib-Signature"
_LONGEST_ANSWER = 1 << 16
_LONGEST_WAIT = 10
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class _Hidden:
    """A value that nothing prints."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "'***'"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def shown(self) -> Any:
        """Return the value, for the one line that needs it."""
        return self._value


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a request did not succeed."""

    what: str
    again: bool
    status: int | None = None
    wait: float = 0.0
    stale: bool = False


class WebhookSink:
    """Post notices as JSON to a URL.

    Each request carries up to `batch` notices as ``{"notices": [...]}``, each with its key, and the
    header ``Idempotency-Key`` of the request; a request that is repeated has the same body and the
    same keys. A 2xx answer accepts it. After 408, 429, 5xx, a timeout or a broken connection it
    is sent again, after a wait that doubles each time; any other answer, a redirect among them, is
    an error at once, since nothing would change the next time.

    With a `secret`, the header ``X-Churnlib-Signature`` is ``sha256=`` and the HMAC-SHA256 of the
    body as sent. The secret, the headers' values, and all of the URL but its host are in no repr,
    no error and no pickle: a sink cannot be pickled.

    Parameters
    ----------
    url : str
        http or https. A user and password in it are sent as basic authentication.
    secret : str or bytes, default=None
        What the receiver checks the signature with; None to send none.
    headers : mapping of str to str, default=None
        More headers, such as an authorization.
    timeout : float, default=10.0
        Seconds to wait for a connection, and for each part of an answer. An answer that comes in
        drops is given up after ten times as long.
    retries : int, default=5
        How often a request is repeated.
    backoff : float, default=0.5
        Seconds before the first repetition; each further wait is twice as long. A part of up to one
        half is taken off at random, so that many senders do not come back together.
    longest : float, default=60.0
        No wait is longer, whatever the receiver says in ``Retry-After``.
    batch : int, default=100
        The most notices in one request.
    context : ssl.SSLContext, default=None
        For an authority of one's own; None for those of the system.

    Raises
    ------
    ParameterError
        When the URL is none of http or https, or a header cannot be sent.
    ParameterTypeError
        When an argument is of a wrong type.

    Notes
    -----
    Proxies of the environment are not used. One sink is for one thread.

    Examples
    --------
    >>> sink = WebhookSink("https://user:word@crm.example/hooks/7?token=abc", secret="open sesame")
    >>> sink
    WebhookSink('https://crm.example/***', signed)
    >>> sink.send([])
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        retries: int = 5,
        backoff: float = 0.5,
        longest: float = 60.0,
        batch: int = 100,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = _split(url)
        self._https = parts.scheme == "https"
        self._host, self._port = str(parts.hostname), parts.port
        self._shown = f"{parts.scheme}://{_bracketed(self._host)}{'' if parts.port is None else f':{parts.port}'}/***"
        self._target = _Hidden((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        self._secret = _secret(secret)
        self._headers = _headers(headers, parts)
        self._timeout = _positive(timeout, "timeout")
        self._retries = check_integer(retries, name="retries", low=0, high=100)
        self._backoff, self._longest = _positive(backoff, "backoff"), _positive(longest, "longest")
        if context is not None and not isinstance(context, ssl.SSLContext):
            raise ParameterTypeError(
                message(f"context is a {type(context).__name__}", "an SSLContext was expected", "context=None")
            )
        self._batch = check_integer(batch, name="batch", low=1, high=10_000)
        self._context = context
        self._connection: http.client.HTTPConnection | None = None
        self._random = random.Random()  # noqa: S311 - spreads waits, and hides nothing
        self._sleep = time.sleep

    def __repr__(self) -> str:
        return f"WebhookSink({self._shown!r}{'' if self._secret is None else ', signed'})"

    def __reduce__(self) -> NoReturn:
        raise ParameterTypeError(
            message("a WebhookSink was to be pickled or copied", "it holds secrets and a connection", "make it anew")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next `send` opens another.

        Examples
        --------
        >>> WebhookSink("http://localhost:9").close()
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def send(self, notices: Sequence[Notice]) -> None:
        """Post notices, and return when all were accepted.

        Parameters
        ----------
        notices : sequence of Notice
            What is to be told, in order.

        Raises
        ------
        DeliveryError
            When the receiver refused (`status` says with what) or was not to be reached. Requests
            before it may have been accepted; to send all of them again is safe.

        Examples
        --------
        >>> WebhookSink("http://localhost:9").send([])
        """
        for start in range(0, len(notices), self._batch):
            self._post(notices[start : start + self._batch])

    # -- one request -------------------------------------------------------------------------

    def _post(self, notices: Sequence[Notice]) -> None:
        body = json.dumps(
            {"notices": [notice.to_dict() for notice in notices]},
            ensure_ascii=False, separators=(",", ":"), allow_nan=False,
        ).encode("utf-8", ESCAPED)  # fmt: skip
        key = hashlib.sha256("\n".join(notice.key for notice in notices).encode()).hexdigest()
        failure = self._request(body, key)
        repeated = 0
        while failure is not None:
            if failure.stale:  # the receiver had closed a connection that was kept: nothing was tried yet
                failure = self._request(body, key)
                continue
            if not failure.again or repeated == self._retries:
                raise self._error(failure, len(notices), repeated)
            self._sleep(self._wait(repeated, failure.wait))
            repeated += 1
            failure = self._request(body, key)

    def _wait(self, repeated: int, asked: float) -> float:
        """Return the seconds to wait: twice as long each time, or as long as the receiver asked for."""
        own = min(self._longest, self._backoff * 2.0 ** min(repeated, 60)) * self._random.uniform(0.5, 1.0)
        return max(own, min(asked, self._longest))

    def _request(self, body: bytes, key: str) -> _Failure | None:
        """Send one request; None when it was accepted."""
        kept = self._connection is not None
        try:
            response, text_is_short = self._answer(body, key)
        except (UnicodeError, http.client.HTTPException, OSError) as error:
            self.close()
            stale = kept and isinstance(error, (http.client.RemoteDisconnected, ConnectionError))
            return _Failure(_named(error), again=not isinstance(error, ssl.SSLCertVerificationError), stale=stale)
        if response.will_close or not text_is_short:
            self.close()
        status = response.status
        if 200 <= status < 300:
            return None
        if 300 <= status < 400:
            return _Failure(f"answered {status}, a redirect, which is not followed", again=False, status=status)
        asked = _retry_after(response.getheader("Retry-After")) if status in _AGAIN or status >= 500 else 0.0
        return _Failure(f"answered {status}", again=status in _AGAIN or status >= 500, status=status, wait=asked)

    def _answer(self, body: bytes, key: str) -> tuple[http.client.HTTPResponse, bool]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._target.shown(), body, self._headers_of(body, key))
        watchdog = threading.Timer(_LONGEST_WAIT * self._timeout, _hang_up, [self._connection.sock])
        watchdog.daemon = True
        watchdog.start()
        try:
            response = self._connection.getresponse()
            response.read(_LONGEST_ANSWER)
        finally:
            watchdog.cancel()
        return response, response.isclosed()

    def _connect(self) -> http.client.HTTPConnection:
        if self._https:
            context = ssl.create_default_context() if self._context is None else self._context
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _headers_of(self, body: bytes, key: str) -> dict[str, str]:
        headers = {
            "User-Agent": f"churnlib/{__version__}",
            **{name: value.shown() for name, value in self._headers.items()},
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        if self._secret is not None:
            headers[_SIGNATURE] = f"sha256={hmac.new(self._secret.shown(), body, hashlib.sha256).hexdigest()}"
        return headers

    def _error(self, failure: _Failure, n: int, repeated: int) -> DeliveryError:
        times = f" after {repeated} repetition{'s' * (repeated != 1)}" if repeated else ""
        expected = "an answer of 200 to 299 accepts notices"
        fix = "send them again later" if failure.again else "WebhookSink(url) with the address of a receiver"
        wrong = f"{n} notice{'s' * (n != 1)} were not accepted: {self._shown} {failure.what}{times}"
        return DeliveryError(message(wrong, expected, fix), status=failure.status)


def _hang_up(connection: Any) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _named(error: BaseException) -> str:
    """Name what went wrong with a connection, in words that hold nothing of the request."""
    if isinstance(error, UnicodeError):
        return "was not to be reached (no name of a host)"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        return f"did not answer in HTTP ({type(error).__name__})"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return f"was not to be reached ({reason})"


def _retry_after(text: str | None) -> float:
    """Return the seconds a receiver asks to wait, given as a number or a date; 0 for anything else."""
    if text is None:
        return 0.0
    text = text.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
        when = when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)
        return max(0.0, (when - dt.datetime.now(dt.UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError, IndexError):  # whatever the receiver writes there
        return 0.0


# -- what is given ------------------------------------------------------------------------------


def _split(url: str) -> SplitResult:
    """Read a URL; what is said of a wrong one holds nothing of it but the scheme."""
    if not isinstance(url, str):
        raise ParameterTypeError(message(f"url is a {type(url).__name__}", "a text was expected", _EXAMPLE))
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ParameterError(
            message("url has a space, a line break or a letter beyond ASCII", "they are written as %20", _EXAMPLE)
        )
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_right = SplitResult("", "", "", "", ""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        wrong = "url names no host, or no port there can be"
        if parts.hostname and port_is_right:
            wrong = f"url has the scheme {parts.scheme!r}"
        raise ParameterError(message(wrong, "http:// or https:// and a host were expected", _EXAMPLE))
    return parts


_EXAMPLE = "WebhookSink('https://crm.example/alerts')"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _secret(secret: str | bytes | None) -> _Hidden | None:
    if secret is None:
        return None
    if not isinstance(secret, str | bytes):
        raise ParameterTypeError(
            message(f"secret is a {type(secret).__name__}", "a text or bytes were expected", "secret=None")
        )
    if not secret:
        raise ParameterError(message("secret is empty", "an empty one signs nothing", "secret=None"))
    return _Hidden(secret.encode() if isinstance(secret, str) else bytes(secret))


def _headers(given: Mapping[str, str] | None, parts: SplitResult) -> dict[str, _Hidden]:
    if given is not None and not isinstance(given, Mapping):
        raise ParameterTypeError(
            message(f"headers is a {type(given).__name__}", "names with values", "headers={'X-Shop': '7'}")
        )
    found: dict[str, _Hidden] = {}
    for name, value in (given or {}).items():
        _check_header(name, value)
        found[name] = _Hidden(value)
    if parts.username is not None:
        if any(name.lower() == "authorization" for name in found):
            raise ParameterError(
                message("the url has a user, and headers an authorization", "one of both", "the url without a user")
            )
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        found["Authorization"] = _Hidden(f"Basic {base64.b64encode(pair.encode()).decode()}")
    return found


def _check_header(name: object, value: object) -> None:
    if not isinstance(name, str) or not name or not set(name) <= _TOKEN:  # which may be the value, and is not said
        strange = (
            f"has {some(sorted(map(repr, set(name) - _TOKEN)))}" if isinstance(name, str) and name else "is no text"
        )
        raise ParameterError(message(f"the name of a header {strange}", "letters, digits and hyphens", "'X-Shop'"))
    if name.lower() in _OURS or name.lower() == _SIGNATURE.lower():
        raise ParameterError(
            message(f"headers has {name!r}, which the sink sets itself", "other headers", "leave it out")
        )
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"the header {name!r} is a {type(value).__name__}", "a text was expected", f"{name!r}: '7'")
        )
    if not value.isascii() or any(character < " " or character == "\x7f" for character in value):
        raise ParameterError(
            message(
                f"the header {name!r} has a line break, a control or a letter beyond ASCII",
                "plain text",
                f"{name!r}: '7'",
            )
        )


def _positive(value: float, name: str) -> float:
    number = check_number(value, name=name, low=0.0)
    if not 0.0 < number < float("inf"):
        raise ParameterError(message(f"{name}={number:g}", "a finite time above zero was expected", f"{name}=10.0"))
    return number
