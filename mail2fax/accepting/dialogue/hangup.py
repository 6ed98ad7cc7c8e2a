"""What happens when the client goes away: nothing to the mail it has handed over (L2).

aiosmtpd cancels the session at its next await when a client hangs up or closes its side, also
in the middle of our commit: accepted, no 250, and the client sends the fax again.
"""

import asyncio
from typing import Any

from mail2fax.accepting.dialogue import internals


class StaysOnHangup:
    """Mixin before aiosmtpd's protocol: the session sees the end of its input and ends itself."""

    transport: Any

    def eof_received(self) -> bool:
        """The client closed its side; ours stays open for the answer, where TLS allows."""
        assert isinstance(self, asyncio.StreamReaderProtocol)
        return bool(asyncio.StreamReaderProtocol.eof_received(self))

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone; what is in hand is finished."""
        internals.stop_timer(self)
        assert isinstance(self, asyncio.StreamReaderProtocol)
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
