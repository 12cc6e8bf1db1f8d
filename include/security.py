"""Files that hold a secret: closed to other users, and worth the name."""

from pathlib import Path

from include.errors import Misconfigured

SHORTEST = 16  # characters; what we generate has 22 and more
FEWEST_KINDS = 6  # different characters
PLACEHOLDERS = (
    "changeme", "changethis", "replaceme", "placeholder", "example", "default", "password",
    "passphrase", "supersecret", "yoursecret", "yourtoken", "mytoken", "tokenhere", "inserttoken",
)  # fmt: skip


def read_secret(variable: str, file: Path) -> str:
    """
    Return the secret in *file*, which *variable* names.

    Raises:
        Misconfigured: It cannot be read, others may read it, or it is no secret.
    """
    require_private(variable, file)
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        why = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{variable}: cannot read {file}: {why}") from None
    require_strong(f"{variable}: {file}", secret)
    return secret


def require_private(variable: str, file: Path) -> None:
    """
    Return if *file*, which *variable* names, is there and nobody else's to read or write.

    Raises:
        Misconfigured: It is not; the message has the command that mends it.
    """
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as e:
        raise Misconfigured(f"{variable}: cannot read {file}: {e.strerror}") from None
    if mode & 0o077:
        raise Misconfigured(f"{variable}: expected mode 0600, found {mode:04o}: chmod 600 {file}")


def require_strong(where: str, secret: str) -> None:
    """
    Return if *secret* could be one; *where* begins the message, which never shows it.

    Raises:
        Misconfigured: It is empty, short, monotonous, or a placeholder.
    """
    if not secret:
        raise Misconfigured(f"{where} is empty: put a generated secret there")
    letters = "".join(sign for sign in secret.lower() if sign.isalnum())
    if any(word in letters for word in PLACEHOLDERS):
        raise Misconfigured(f"{where} holds a placeholder: put a generated secret there")
    if len(secret) < SHORTEST or len(set(secret)) < FEWEST_KINDS:
        raise Misconfigured(
            f"{where}: expected a random secret of {SHORTEST} characters or more, found one that "
            "can be guessed: generate another, such as with `openssl rand -hex 32`"
        )
