"""The link: bytes in both directions, one timer, and what a client's going away means (L1, L2)."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from mail2fax.accepting.dialogue.link import LINE_READ, READ_SIZE, EndOfInput, Link


class Line(asyncio.Transport):
    """A transport that remembers what was done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reading_paused = False
        self.said = b""

    def pause_reading(self) -> None:
        """Note it."""
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        """Note it."""
        self.is_reading_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.said += bytes(data)


def new_link() -> tuple[Link, Line]:
    """A link over a line."""
    line = Line()
    return Link(line, memoryview(bytearray(READ_SIZE))), line


def arrives(link: Link, data: bytes) -> None:
    """As asyncio does it."""
    buffer = link.get_buffer(-1)
    assert len(data) <= len(buffer)
    buffer[: len(data)] = data
    link.buffer_updated(len(data))


def soon(act: Callable[[], object]) -> None:
    """In the next step of the loop."""
    asyncio.get_running_loop().call_soon(act)


def later(seconds: float = 60.0) -> float:
    """By when, on the loop's clock."""
    return asyncio.get_running_loop().time() + seconds


async def test_what_comes_waits_until_it_is_asked_for() -> None:
    """What comes waits until it is asked for."""
    link, _ = new_link()
    soon(lambda: arrives(link, b"EHLO me\r\n"))
    await link.more(later())
    assert link.take_all() == b"EHLO me\r\n"
    assert link.waiting == b""


async def test_commands_are_read_in_small_pieces_and_not_without_end() -> None:
    """L1: each connection keeps its own commands, so there must be few bytes of them."""
    link, line = new_link()
    assert len(link.get_buffer(-1)) == LINE_READ
    paused = []
    for size in (LINE_READ - 1, 1):
        arrives(link, b"x" * size)
        paused.append(line.is_reading_paused)
    assert paused == [False, True]
    soon(link.eof_received)
    with pytest.raises(EndOfInput):
        await link.more(later())
    assert not line.is_reading_paused


async def test_data_go_to_the_sink_in_the_step_in_which_they_come() -> None:
    """Data go to the sink in the step in which they come."""
    link, _ = new_link()
    got: list[bytes] = []

    def sink(data: bytes) -> bool:
        got.append(data)
        return data.endswith(b".")

    def all_at_once() -> None:
        assert len(link.get_buffer(-1)) == READ_SIZE
        arrives(link, b"one")
        arrives(link, b"two.")
        arrives(link, b"QUIT")

    arrives(link, b"zero")
    soon(all_at_once)
    await link.pour(sink, 60)
    assert got == [b"zero", b"one", b"two."]
    assert link.take_all() == b"QUIT", "what came behind the end is not the sink's"


async def test_a_sink_that_has_enough_at_once_waits_for_nothing() -> None:
    """A sink that has enough at once waits for nothing."""
    link, _ = new_link()
    arrives(link, b"all.")
    await link.pour(lambda data: data == b"all.", 60)
    assert link.waiting == b""


async def test_what_a_sink_raises_is_raised_where_it_was_given() -> None:
    """What a sink raises is raised where it was given."""
    link, _ = new_link()

    def sink(_data: bytes) -> bool:
        raise ZeroDivisionError

    soon(lambda: arrives(link, b"x"))
    with pytest.raises(ZeroDivisionError):
        await link.pour(sink, 60)
    arrives(link, b"next")
    assert link.take_all() == b"next"


def hangs_up(link: Link) -> None:
    """The connection is lost."""
    link.connection_lost(None)


@pytest.mark.parametrize("goes", [Link.eof_received, hangs_up])
async def test_a_client_that_goes_ends_the_waiting(goes: Callable[[Link], object]) -> None:
    """L2: the session sees it; nobody is cancelled."""
    for pours in (True, False):
        link, _ = new_link()
        soon(partial(goes, link))
        for _ in range(2):
            with pytest.raises(EndOfInput):
                await (link.pour(lambda _: False, 60) if pours else link.more(later()))


async def test_what_came_before_the_end_counts() -> None:
    """What came before the end counts."""
    link, _ = new_link()
    got: list[bytes] = []

    def sink(data: bytes) -> bool:
        got.append(data)
        return False

    arrives(link, b"QUIT")
    link.eof_received()
    with pytest.raises(EndOfInput):
        await link.pour(sink, 60)
    assert got == [b"QUIT"]


async def test_our_side_stays_open_where_tls_allows() -> None:
    """L2: for the answer to a client that has closed its own."""
    link, _ = new_link()
    assert link.eof_received() is True
    link.is_tls = True
    assert link.eof_received() is False


async def test_silence_ends_the_waiting() -> None:
    """Silence ends the waiting."""
    link, _ = new_link()
    with pytest.raises(TimeoutError):
        await link.more(later(0.01))
    with pytest.raises(TimeoutError):
        await link.pour(lambda _: False, 0.01)


async def test_data_renew_the_timer_and_commands_have_one_for_the_whole_line() -> None:
    """L2: a slow honest client may take as long as it keeps sending."""
    link, _ = new_link()
    pieces = iter(range(8))

    def next_piece() -> None:
        if next(pieces, None) is None:
            arrives(link, b".")
        else:
            arrives(link, b"x")
            asyncio.get_running_loop().call_later(0.01, next_piece)

    next_piece()
    await link.pour(lambda data: data == b".", 0.06)
    until = later(0.03)
    drip = asyncio.create_task(_drips(link))
    with pytest.raises(TimeoutError):
        await _all_of(link, until)
    drip.cancel()


async def _all_of(link: Link, until: float) -> None:
    while True:
        await link.more(until)


async def _drips(link: Link) -> None:
    while True:
        await asyncio.sleep(0.005)
        arrives(link, b"x")


async def test_a_shorter_wait_behind_a_longer_one_is_kept() -> None:
    """The one timer rings for whoever waits now."""
    link, _ = new_link()
    soon(lambda: arrives(link, b"x"))
    await link.more(later(60))
    with pytest.raises(TimeoutError):
        await link.more(later(0.01))


async def test_no_timer_is_left_of_a_connection_that_is_gone() -> None:
    """No timer is left of a connection that is gone."""
    link, _ = new_link()
    soon(lambda: link.connection_lost(None))
    with pytest.raises(EndOfInput):
        await link.more(later(300))
    assert link._alarm is not None
    assert link._alarm.cancelled()


async def test_writing_waits_for_a_client_that_does_not_read() -> None:
    """Writing waits for a client that does not read."""
    link, line = new_link()
    await link.write(b"220 hello", 60)
    link.pause_writing()
    with pytest.raises(TimeoutError):
        await link.write(b"250 ok", 0.01)
    soon(link.resume_writing)
    await link.write(b"250 ok", 60)
    await link.write(b"221 bye", 60)
    assert line.said == b"220 hello250 ok250 ok221 bye"


async def test_writing_to_a_client_that_has_gone_says_so() -> None:
    """Writing to a client that has gone says so."""
    link, line = new_link()
    link.pause_writing()
    soon(lambda: link.connection_lost(None))
    with pytest.raises(ConnectionError):
        await link.write(b"250 ok", 60)
    with pytest.raises(ConnectionError):
        await link.write(b"250 ok", 60)
    assert line.said == b"250 ok"
