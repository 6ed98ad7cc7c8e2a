"""Bugs to plant in the daemon, each as Python that runs before it (F9)."""

_NO_LOOK_AT_START = """\
from mail2fax.sending.lookout import Lookout
real = Lookout.__init__
def unlooked(self, *args, **kwargs):
    real(self, *args, **kwargs)
    self._cleared.add(None)
    self._to_clear.clear()
Lookout.__init__ = unlooked
"""

CODE = {
    "": "",
    "intent forgotten": _NO_LOOK_AT_START
    + """\
from mail2fax.sending.dispatcher import Dispatcher
from mail2fax.spool import finding, jobs
from mail2fax.spool.lifecycle import JobState
async def forget(self):
    now = self._clock.now()
    for job in await self._spool.do(finding.in_state, JobState.INTENT):
        await self._spool.do(jobs.never_left, job.id, 0, 0.0, now, 'planted')
Dispatcher._vouch = forget
async def blind(self, look):
    pass
Lookout._find_strays = blind
""",
    "250 before commit": """\
import asyncio
from mail2fax.spool.spool import Spool
real = Spool.accept
async def early(self, mail, file):
    asyncio.get_running_loop().call_later(
        0.3, lambda: asyncio.ensure_future(real(self, mail, file)))
    file.__class__.__exit__ = lambda *a: None
    return mail.reference
Spool.accept = early
""",
    "no fsync of the mail": """\
from mail2fax.spool import durable
durable.sync_file = lambda descriptor: None
""",
    "no fsync of the directory": """\
from mail2fax.spool import durable
durable.sync_directory = lambda path: None
""",
    "synchronous off": """\
from mail2fax.spool import ledger
ledger._PRAGMAS["synchronous"] = ("OFF", 0)
""",
    "blind retry": """\
from mail2fax.sending import settling
def settle(job, evidence, settings, probes):
    return settling.Decision(settling.Settlement.ORDER_AGAIN)
settling.settle = settle
settling.look_at = lambda job, settings: 0.0
""",
    "no look at start": _NO_LOOK_AT_START,
    "reply done before it is told": """\
from mail2fax.answering.reporter import Reporter
from mail2fax.spool import replies
real = Reporter._tell
async def first_done(self, reply, story):
    to, now = story.reply_to[0], self._clock.now()
    await self._spool.do(replies.handed_over, reply.id, to, now)
    message = await self._message(reply, story, (to,))
    await self._hand_over(message, (to,), self._settings.relay)
Reporter._tell = first_done
""",
}
