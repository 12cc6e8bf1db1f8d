"""Whom we trust over TLS: the authorities in a file, or the system's."""

import ssl

from include.errors import Misconfigured


def client_context(variable: str, ca_file: str) -> ssl.SSLContext:
    """
    Return what checks a server's certificate and its name, TLS 1.2 at least.

    *ca_file*, which *variable* names, has the authorities to trust; empty: the system's.

    Raises:
        Misconfigured: The file cannot be read, or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as e:  # an SSLError is one
        why = "found none" if isinstance(e, ssl.SSLError) else str(e.strerror)
        raise Misconfigured(
            f"{variable}: expected PEM certificates of authorities in {ca_file}: {why}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
