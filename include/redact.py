"""Removes secrets from text before it is stored: logs, manifests, events, error messages.

Removed are CURVE secret keys, private keys (PEM, and PEM in base64 as in a kubeconfig), bearer and
service tokens, cloud keys, passwords in URLs, and values whose name marks them as secret.
A redacted text keeps its number of lines, and redacting it again changes nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = "[redacted]"

# Longest PEM block: an RSA key of 16,384 bits has about 200 lines. A block without an end (a cut
# log) must not swallow the rest of the text.
LONGEST_PEM_LINES = 400

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_ONE_LINE_PEM = re.compile(f"{_BEGIN.pattern}.*?{_END.pattern}", re.DOTALL)
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=]{16,}")
_LAST_OF_KEY = re.compile(r"^((?:[0-9TZ:.+-]+ )?\s*)[A-Za-z0-9+/]{1,15}={0,2}(?=\s*$)")
_PEM_FIELD = re.compile(r"\b(DEK-Info|Proc-Type): .*")

_HIDDEN_NAMES = (
    r"(?:(?:secret[_-]?(?:access[_-]?)?key|secret[_-]?id|client[_-]?secret|"
    r"password|passwd|passphrase|api[_-]?key|private[_-]?key|session[_-]?token|"
    r"access[_-]?token|refresh[_-]?token|id[_-]?token|auth[_-]?token|security[_-]?token|"
    r"client-key-data)|(?<![A-Za-z0-9_.-])(?:[A-Z0-9_]*_)?(?:token|TOKEN|SECRET|_auth|auth)|"
    r"ssh-privatekey|tls\.key|ca\.key)"
)
_QUOTED = r"\"(?:[^\"\\]|\\.)*(?:\"|$)|'[^']*(?:'|$)"
_NAMED = re.compile(
    rf"(?P<name>\\?[\"']?{_HIDDEN_NAMES}\\?[\"']?\s*(?::=|[:=])\s*)"
    rf"(?P<value>\\\"[^\"]*|{_QUOTED}|[^\s\"',;&}}]+)",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(--(?:password|passwd|token|api-key|secret)[ ])(?!--)(\S+)", re.IGNORECASE)
_WHOLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (_ONE_LINE_PEM, MARK),
    # base64 of "-----BEGIN …", unless it continues as a certificate or a public key
    (re.compile(r"LS0tLS1CRUdJTi(?!BDRVJUSUZJQ0FUR|BQVUJMSUMg)[A-Za-z0-9+/=]+"), MARK),
    (
        re.compile(r"\b((?:Bearer|Basic)\s+)(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\1{MARK}",
    ),
    (
        re.compile(
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
        ),
        MARK,
    ),
    (re.compile(r"\bk8s-aws-v1\.[A-Za-z0-9_=-]+"), MARK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MARK),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"), MARK),
    (
        re.compile(
            r"\b(?:xox[abeprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,})"
        ),
        MARK,
    ),
    (
        re.compile(r"(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{MARK}",
    ),
    (
        re.compile(
            r"\b([a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']*:)[^\s/@\"'][^\s/\"']*(?=@)", re.IGNORECASE
        ),
        rf"\1{MARK}",
    ),
)

# A line with none of these holds no secret of any kind above, as most lines.
_HINT = re.compile(
    r"secret|passw|passphrase|token|key|auth|bearer|basic|-----|LS0tLS1|eyJ|k8s-aws|AKIA|ASIA|"
    r"gh[pousr]_|github_pat|xox|AIza|hf_|X-Amz|://",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with `[redacted]` instead of each secret; the number of lines is the same."""
    return "".join(redact_lines(text.splitlines(keepends=True)))


def redact_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines without their secrets, one by one, for logs of any size.

    Tracks private keys across lines. Line ends are kept.
    """
    left = 0  # remaining lines that an open private key may span
    for line in lines:
        end = _END.search(line) if left else None
        if left and end is None:
            left -= 1
            yield _without_key_text(line)
            continue
        start = end.start() if end else 0
        left = LONGEST_PEM_LINES if _leaves_key_open(line) else 0
        yield _without_key_text(line[:start]) + _without_secrets(line[start:])


def _leaves_key_open(line: str) -> bool:
    begins = [match.end() for match in _BEGIN.finditer(line)]
    return bool(begins) and _END.search(line, begins[-1]) is None


def _without_key_text(line: str) -> str:
    body, end = _split_end(line)
    body = _LAST_OF_KEY.sub(rf"\1{MARK}", _KEY_TEXT.sub(MARK, body))
    return _without_secrets(_PEM_FIELD.sub(rf"\1: {MARK}", body)) + end


def _without_secrets(line: str) -> str:
    if not _HINT.search(line):
        return line
    body, end = _split_end(line)
    for pattern, put in _WHOLE:
        body = pattern.sub(put, body)
    if _leaves_key_open(body):
        begin = body.rindex("-----BEGIN")
        start = body.index("-----", begin + len("-----BEGIN"))
        body = body[:start] + _KEY_TEXT.sub(MARK, body[start:])
    return _NAMED.sub(_without_value, _OPTION.sub(rf"\1{MARK}", body)) + end


def _without_value(match: re.Match[str]) -> str:
    value = match["value"]
    if value.strip("\"'\\") in ("", "true", "false", "null", "none", MARK):
        return match[0]
    if value.startswith('\\"'):  # JSON inside a JSON string
        return f'{match["name"]}\\"{MARK}' + ("\\" if value.endswith("\\") else "")
    quote = value[0] if value[0] in "\"'" else ""
    return f"{match['name']}{quote}{MARK}{quote}"


def _split_end(line: str) -> tuple[str, str]:
    body = line.rstrip("\r\n")
    return body, line[len(body) :]
