"""Where webhooks may go: public addresses over TLS, nothing inside (request forgery)."""

import ipaddress
from urllib.parse import urlsplit


def url_fault(url: str, *, to_loopback: bool) -> str | None:
    """Why an endpoint cannot have this URL, or None."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is not a URL"
    if not host or parts.username or parts.password or parts.fragment:
        return "Give a URL without user, password and fragment"
    loopback = to_loopback and _is_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        return "Webhooks are sent by https"
    literal = _literal(host)
    if literal is not None and not may_reach(literal, to_loopback=to_loopback):
        return "This address is not a public one"
    return None


def may_reach(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, to_loopback: bool) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback:
        return to_loopback
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
