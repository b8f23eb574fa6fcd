"""Fetches images over HTTP from the hosts that an operator allows, and from nowhere else.

Whoever may send a request could otherwise have the server ask its own network. So a name is
looked up once and the address that was checked is the one that is asked; a redirection
stays on its host.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from jupyter_llm.types import Image

MAX_REDIRECTIONS = 3
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OK = 200


class Place(NamedTuple):
    """Where a URL leads: `is_named` says that the operator wrote this host down itself."""

    host: str
    port: int
    is_named: bool


class Fetcher:
    """Fetches from `allowed_hosts`.

    `host` stands for its ports 80 and 443, `host:port` for that one, `*.domain` for all hosts
    below a domain and `*` for all; names are as they are in the DNS. A host in a private
    network has to be written down itself.
    """

    def __init__(self, allowed_hosts: Sequence[str]) -> None:
        self._allowed = tuple(entry.lower() for entry in allowed_hosts)

    async def fetch(self, image: Image, max_bytes: int) -> bytes:
        """The file at the URL of `image`; one byte more than `max_bytes` at most.

        Raises:
            InvalidRequestError: It cannot be had; `param` names the image.
        """
        await asyncio.to_thread(import_module, "httpx")
        import httpx

        try:
            url = httpx.URL(image.url)
            place = self._place(image, url)
            async with await asyncio.to_thread(_client) as client:
                for _ in range(MAX_REDIRECTIONS + 1):
                    answer = await self._ask(client, url, place, image, max_bytes)
                    if isinstance(answer, bytes):
                        return answer
                    url, place = answer, self._same_place(image, answer, place)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _unfetched(image, f"{type(error).__name__}") from error
        raise _unfetched(image, "it leads from one place to the next")

    def _place(self, image: Image, url: httpx.URL) -> Place:
        if url.scheme not in _DEFAULT_PORTS or not url.host or url.userinfo:
            raise InvalidRequestError(
                "The URL of an image begins with 'data:image/', 'https://' or 'http://', and has "
                "no user in it.",
                param=image.param,
            )
        host, port = url.raw_host.decode("ascii").lower(), url.port or _DEFAULT_PORTS[url.scheme]
        is_default = port in _DEFAULT_PORTS.values()
        if f"{host}:{port}" in self._allowed or (is_default and host in self._allowed):
            return Place(host, port, is_named=True)
        domains = [entry[1:] for entry in self._allowed if entry.startswith("*")]
        if is_default and any(host.endswith(domain) for domain in domains):
            return Place(host, port, is_named=False)
        raise InvalidRequestError(
            f"Images from {host} are not fetched: this server's allowed_media_hosts does not have "
            "it. Send the image as a data URL.",
            param=image.param,
        )

    def _same_place(self, image: Image, url: httpx.URL, before: Place) -> Place:
        place = self._place(image, url)
        if place.host != before.host:
            raise _unfetched(image, f"{before.host} redirects to another host, {place.host}")
        return place

    async def _ask(
        self, client: httpx.AsyncClient, url: httpx.URL, place: Place, image: Image, max_bytes: int
    ) -> bytes | httpx.URL:
        """The file, or where it is instead."""
        address = await _address(place)
        if address is None:
            raise _unfetched(image, f"{place.host} is in a private network")
        async with client.stream(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            extensions={"sni_hostname": place.host},
        ) as response:
            if response.has_redirect_location:
                return url.join(response.headers["Location"])
            if response.status_code != _OK:
                raise _unfetched(image, f"{place.host} answered {response.status_code}")
            data = bytearray()
            async for part in response.aiter_raw():
                data += part
                if len(data) > max_bytes:
                    break
            return bytes(data[: max_bytes + 1])


def _client() -> httpx.AsyncClient:
    """Made in a thread: it reads a file of certificates."""
    import httpx

    # no proxies of the environment: they would look up the name anew
    return httpx.AsyncClient(trust_env=False, follow_redirects=False)


async def _address(place: Place) -> str | None:
    """The address to ask, `None` if one of the host's is not for everybody to ask."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not place.is_named and not all(map(is_public, addresses)):
        return None
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet and not of some network behind it."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in _NAT64:
            return False
        if parsed.ipv4_mapped:
            return parsed.ipv4_mapped.is_global
    return parsed.is_global and not parsed.is_multicast


def _unfetched(image: Image, reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The image could not be fetched: {reason}. Send it as a data URL.", param=image.param
    )
