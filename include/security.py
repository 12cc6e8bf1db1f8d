"""Secrets in files that only their owner can read, and certificate checks for TLS."""

import ssl
from pathlib import Path

from include.errors import Misconfigured

MIN_SECRET_LENGTH = 16  # characters; generated secrets have 22 and more
MIN_DISTINCT_CHARACTERS = 6
PLACEHOLDERS = (
    "changeme", "changethis", "replaceme", "placeholder", "example", "default", "password",
    "passphrase", "supersecret", "yoursecret", "yourtoken", "mytoken", "tokenhere", "inserttoken",
)  # fmt: skip


def read_secret(variable: str, file: Path) -> str:
    """
    Return the secret in *file*.

    Args:
        variable: Name of the setting that has *file*, for the error message.
        file: The file.

    Raises:
        Misconfigured: The file cannot be read, other users can read it, or the secret is weak.
    """
    check_private(variable, file)
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        why = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{variable}: cannot read {file}: {why}") from None
    check_strong(f"{variable}: {file}", secret)
    return secret


def check_private(variable: str, file: Path) -> None:
    """
    Return if *file* exists and other users can neither read nor write it.

    Args:
        variable: Name of the setting that has *file*, for the error message.
        file: The file.

    Raises:
        Misconfigured: It is missing, or its mode is wrong. The message has the command to fix that.
    """
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as e:
        raise Misconfigured(f"{variable}: cannot read {file}: {e.strerror}") from None
    if mode & 0o077:
        raise Misconfigured(f"{variable}: expected mode 0600, found {mode:04o}: chmod 600 {file}")


def check_strong(location: str, secret: str) -> None:
    """
    Return if *secret* is not easy to guess.

    Args:
        location: Where the secret is. It starts the error message, which never shows the secret.
        secret: The secret.

    Raises:
        Misconfigured: It is empty, short, repetitive, or a placeholder.
    """
    if not secret:
        raise Misconfigured(f"{location} is empty: put a generated secret there")
    letters = "".join(sign for sign in secret.lower() if sign.isalnum())
    if any(word in letters for word in PLACEHOLDERS):
        raise Misconfigured(f"{location} holds a placeholder: put a generated secret there")
    if len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_DISTINCT_CHARACTERS:
        raise Misconfigured(
            f"{location}: expected a random secret of {MIN_SECRET_LENGTH} characters or more, "
            "found one that can be guessed: generate another, such as with `openssl rand -hex 32`"
        )


def create_tls_context(variable: str, ca_file: str) -> ssl.SSLContext:
    """
    Return a client's TLS context: TLS 1.2 or later, with checks of certificate and host name.

    Args:
        variable: Name of the setting that has *ca_file*, for the error message.
        ca_file: File with the authorities to trust (PEM); empty for those of the system.

    Raises:
        Misconfigured: The file cannot be read, or has no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as e:  # SSLError is a subclass
        why = "found none" if isinstance(e, ssl.SSLError) else str(e.strerror)
        raise Misconfigured(
            f"{variable}: expected PEM certificates of authorities in {ca_file}: {why}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
