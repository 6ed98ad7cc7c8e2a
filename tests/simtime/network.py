"""A network within the process: connections are pairs of transports, bytes take virtual time.

Whoever listens is found by address; a connection is refused, or never answered, or a name has
no address, when a test says so. A process that dies leaves its connections reset, and what it
had written before still arrives, as a kernel would see to.
"""

import asyncio
import contextvars
import random
import socket
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from tests.simtime.life import LIFE, Life

_LATENCY = (0.002, 0.06)
_GAP = 1e-6
_RESET = ConnectionResetError(104, "Connection reset by peer")
Address = tuple[str, int]


@dataclass(slots=True)
class Peer:
    """Somebody who listens, in the context he did so."""

    address: Address
    factory: Callable[[], Any]
    context: Context

    def getsockname(self) -> Address:
        """Where."""
        return self.address


@dataclass
class Network:
    """Who listens, what is out of order, and which connections there are.

    Attributes:
        chance: decides how long bytes travel.
        names: host → address, for those whose address matters.
        dns_down: no name has an address.
        refused, unreachable: addresses that refuse, or never answer.
        broken_tls: what a TLS handshake with an address ends with. No cipher is run here: a
            connection that TLS never let come to be ends as `asyncio.open_connection` would.
    """

    loop: asyncio.AbstractEventLoop
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    names: dict[str, str] = field(default_factory=dict)
    dns_down: bool = False
    refused: set[Address] = field(default_factory=set)
    unreachable: set[Address] = field(default_factory=set)
    broken_tls: dict[Address, Exception] = field(default_factory=dict)
    _listening: dict[Address, Peer] = field(default_factory=dict)
    _serial: int = 0
    _ends: list["Endpoint"] = field(default_factory=list)

    def listen(self, address: Address, factory: Callable[[], Any]) -> Peer:
        """Be found at an address."""
        peer = Peer((address[0], address[1]), factory, contextvars.copy_context())
        self._listening[peer.address] = peer
        return peer

    def silence(self, peer: Peer) -> None:
        """Be found no more, unless somebody else listens there now."""
        if self._listening.get(peer.address) is peer:
            del self._listening[peer.address]

    def resolve(self, host: str) -> str:
        """A name's address.

        Raises:
            socket.gaierror: DNS is out of order.
        """
        if host[:1].isdigit():
            return host
        if self.dns_down:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self.names.get(host, "192.0.2.1")

    async def connect(
        self, factory: Callable[[], Any], host: str, port: int
    ) -> tuple["Endpoint", Any]:
        """A connection to whoever listens there.

        Raises:
            ConnectionRefusedError: nobody does.
            OSError: the TLS handshake failed.
        """
        address = (self.resolve(host), port)
        await asyncio.sleep(self.latency())
        if address in self.unreachable:
            await asyncio.sleep(3600.0)
        peer = self._listening.get(address)
        if peer is None or address in self.refused:
            raise ConnectionRefusedError(111, f"Connect call failed {address}")
        if address in self.broken_tls:
            raise self.broken_tls[address]
        self._serial += 1
        here = Endpoint(self, contextvars.copy_context(), ("127.0.0.1", 40000 + self._serial))
        there = Endpoint(self, peer.context, address)
        here.other, there.other = there, here
        self._ends = [end for end in self._ends if not end.is_lost] + [here, there]
        protocol = factory()
        served = peer.context.run(peer.factory)
        there.begin(served)
        here.begin(protocol)
        await asyncio.sleep(0)
        return here, protocol

    def dies(self, life: Life) -> None:
        """A process has died: nobody listens for it, its connections are reset."""
        for peer in [one for one in self._listening.values() if one.context.get(LIFE) is life]:
            self.silence(peer)
        for end in self._ends:
            if end.life is life:
                end.abort()

    def latency(self) -> float:
        """How long the next bytes travel."""
        return self.chance.uniform(*_LATENCY)


class Endpoint(asyncio.Transport):
    """One end of a connection."""

    other: "Endpoint"

    def __init__(self, network: Network, context: Context, address: Address) -> None:
        super().__init__()
        self._network = network
        self._context = context.copy()
        self.address = address
        self._protocol: Any = None
        self._arrives_at = 0.0
        self._inbox: deque[bytes | Exception | None] = deque()
        self._paused = False
        self._closing = False
        self._lost = False
        self.max_size = 1 << 16

    def begin(self, protocol: Any) -> None:
        """The connection is made."""
        self._protocol = protocol
        self._network.loop.call_soon(protocol.connection_made, self, context=self._context)

    @property
    def life(self) -> Life | None:
        """Whose end it is."""
        return self._context.get(LIFE)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is over."""
        return self._lost

    # What goes out

    def write(self, data: Any) -> None:
        """Send bytes."""
        if not self._closing:
            self._send(bytes(data))

    def write_eof(self) -> None:
        """Nothing more will be sent."""
        self._send(None)

    def can_write_eof(self) -> bool:
        """A TCP connection can."""
        return True

    def close(self) -> None:
        """Send what was written, then close."""
        if not self._closing:
            self._closing = True
            self._send(None)
            self._lose(None)

    def abort(self) -> None:
        """Reset the connection; bytes on their way still arrive first."""
        if not self._lost:
            self._closing = True
            self._send(_RESET)
            self._lose(None)

    def _send(self, what: bytes | Exception | None) -> None:
        loop, other = self._network.loop, self.other
        arrival = max(loop.time() + self._network.latency(), other._arrives_at + _GAP)
        other._arrives_at = arrival
        loop.call_at(arrival, other.arrived, what, context=other._context)

    # What comes in

    def arrived(self, what: bytes | Exception | None) -> None:
        """Bytes, an end or a reset reach this end."""
        self._inbox.append(what)
        self._deliver()

    def _deliver(self) -> None:
        while self._inbox and not self._paused and not self._lost:
            what = self._inbox.popleft()
            if isinstance(what, bytes):
                if not self._closing:
                    self._hand_over(what)
            elif what is None:
                if not self._closing and not self._protocol.eof_received():
                    self.close()
            else:
                self._closing = True
                self._lose(what)

    def _hand_over(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        while data:
            buffer = memoryview(self._protocol.get_buffer(len(data)))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            data = data[count:]
            self._protocol.buffer_updated(count)
            if data and self._paused:
                self._inbox.appendleft(data)
                return

    def pause_reading(self) -> None:
        """Hand nothing over for now."""
        self._paused = True

    def resume_reading(self) -> None:
        """Hand over what came meanwhile, and what comes."""
        if self._paused:
            self._paused = False
            self._network.loop.call_soon(self._deliver, context=self._context)

    def is_reading(self) -> bool:
        """Whether bytes are handed over."""
        return not self._paused

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            lost = self._protocol.connection_lost
            self._network.loop.call_soon(lost, error, context=self._context)

    # What others ask for

    def is_closing(self) -> bool:
        """Whether it is closed or being closed."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The two addresses, and a socket that knows no more."""
        here, there = self.address, self.other.address
        known = {"peername": there, "sockname": here, "socket": _NoSocket(here, there)}
        return known.get(name, default)

    def set_protocol(self, protocol: Any) -> None:
        """Hand over to another protocol."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Who is handed what comes."""
        return self._protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer that could fill."""

    def get_write_buffer_size(self) -> int:
        """Everything is on its way."""
        return 0


@dataclass(frozen=True, slots=True)
class _NoSocket:
    """What is asked of a connection's socket, where there is none."""

    here: Address
    there: Address
    family: int = socket.AF_INET

    def getsockname(self) -> Address:
        return self.here

    def getpeername(self) -> Address:
        return self.there

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *_option: int) -> None:
        """Nothing waits for anything here."""
