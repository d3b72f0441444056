"""Requests to processes of this machine, which speak plain HTTP."""

import ssl

# For httpx's `verify`: by default every client reads the certificates of the world, 40 ms each
# time. This context has none, so that a request that would go over TLS fails.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
