"""C1: the official client from PyPI drives every call of the simulator and reads the answers."""

import asyncio
import inspect
import io
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Switches

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import faxplus

NUMBER = "+41225550123"
APIS = ("AccountsApi", "FaxesApi", "FilesApi", "NumbersApi", "OutboxApi", "ShopApi", "WebhooksApi")


def calls_of_the_official_client() -> set[str]:
    """Every call it has, as ``Api.method``."""
    found = set()
    for name in dir(faxplus):
        if name.endswith("Api"):
            methods = inspect.getmembers(getattr(faxplus, name), inspect.isfunction)
            found |= {
                f"{name}.{method}"
                for method, _ in methods
                if not method.startswith("_") and not method.endswith("_with_http_info")
            }
    return found


class Driver:
    """The official client, remembering which of its calls were driven."""

    def __init__(self, simulator: Simulator) -> None:
        configuration = faxplus.Configuration()
        configuration.host = simulator.base_url
        configuration.access_token = "secret"
        client = faxplus.ApiClient(configuration)
        self._apis = {name: getattr(faxplus, name)(client) for name in APIS}
        self.driven: set[str] = set()

    def __call__(self, call: str, *args: Any, **kwargs: Any) -> Any:
        """Make a call; an answer it cannot read raises."""
        api, method = call.split(".")
        self.driven.add(call)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self._apis[api], method)(*args, **kwargs)


class Hands:
    """The simulator's clock, moved by the test."""

    now = 1_800_000_000.0


@pytest.fixture
def hands() -> Hands:
    """A clock that stands still until it is moved."""
    return Hands()


@pytest.fixture
async def simulator(hands: Hands) -> AsyncIterator[Simulator]:
    """A running simulator in simulated time."""
    provider = Provider(Switches(converting=10, sending=20))
    async with Simulator(provider, token="secret", clock=lambda: hands.now) as simulator:
        yield simulator


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A PDF of two pages, the first with a black square in its corner."""
    pages = [Image.new("1", (1240, 1754), 1) for _ in range(2)]
    ImageDraw.Draw(pages[0]).rectangle((0, 0, 300, 300), fill=0)
    path = tmp_path / "a.pdf"
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return path


def _send(drive: Driver, document: Path, **more: Any) -> str:
    upload = drive("FilesApi.upload_file", "self", fax_file=str(document), format="pdf")
    payload = faxplus.PayloadOutbox(
        from_number="+41225550100",
        to=[NUMBER],
        files=[upload.path],
        comment=faxplus.OutboxComment(tags=["t"], text="hi"),
        return_ids=True,
        **more,
    )
    fax_id: str = drive("OutboxApi.send_fax", "self", payload).ids[NUMBER]
    return fax_id


def _faxes(drive: Driver, hands: Hands, document: Path) -> None:
    first, second = _send(drive, document), _send(drive, document)
    listed = drive("OutboxApi.list_outbox_faxes", "self").records
    assert [item.id for item in listed] == [first, second]
    assert drive("OutboxApi.get_outbox_fax", "self", first).status == "converting"
    change = faxplus.PayloadOutboxModification(comment="new")
    drive("OutboxApi.update_outbox_fax", "self", first, change)
    drive("OutboxApi.delete_outbox_fax", "self", second)
    hands.now += 60
    (record,) = drive("FaxesApi.list_faxes", "self", category="sent", limit=50).data.records
    assert (record.id, record.comment, record.pages) == (first, "new", 2)
    assert (record.status, record.direction) == ("success", "outgoing")
    assert drive("FaxesApi.get_fax", "self", first).to == NUMBER
    read = faxplus.PayloadFaxModification(comment="c", is_read=False)
    drive("FaxesApi.update_fax", "self", first, read)
    assert drive("FaxesApi.get_fax", "self", first).comment == "c"
    with Image.open(drive("FilesApi.get_file", "self", first, format="tiff")) as pages:
        assert (getattr(pages, "n_frames", 1), pages.width) == (2, 1728)
        assert pages.getpixel((5, 5)) == 0
        assert pages.getpixel((1000, 1000)) == 255
    assert drive("FilesApi.get_fax_report", "self", first)
    assert drive("FilesApi.get_fax_thumbnail", "self", first)
    drive("FaxesApi.delete_fax", "self", first)
    assert not drive("FaxesApi.list_faxes", "self").data.records


def _account(drive: Driver) -> None:
    assert drive("AccountsApi.get_user", "self").email == "office@example.com"
    change = faxplus.PayloadAccountModification(name="Praxis")
    drive("AccountsApi.update_user", "self", body=change)
    (member,) = drive("AccountsApi.get_accounts").members
    assert member.name == "Praxis"
    details = faxplus.MemberDetail(quota=7, role="boss")
    drive("AccountsApi.update_member_details", "u1", body=details)
    assert drive("AccountsApi.get_member_details", "u1").quota == 7
    (number,) = drive("NumbersApi.list_numbers", "self").numbers
    assert drive("NumbersApi.get_number", "self", number.number).status == "active"
    assign = faxplus.PayloadNumberModification(assigned_to="13d8z73c")
    drive("NumbersApi.update_number", "self", number.number, body=assign)
    assert drive("NumbersApi.get_number", "self", number.number).assigned_to == ["13d8z73c"]
    drive("NumbersApi.revoke_number", "self", number.number)


def _shop(drive: Driver) -> None:
    assert drive("ShopApi.get_balance").amount == 25.5
    (country,) = drive("ShopApi.list_countries").countries
    (area,) = drive("ShopApi.list_areas", country.iso).areas
    offers = drive("ShopApi.list_shop_numbers", country.iso, area.calling_code, contains="177")
    bought = drive(
        "ShopApi.purchase_number",
        body=faxplus.PurchaseNumberRequest(item_id=offers.numbers[0].item.id),
    )
    assert bought.number in {one.number for one in drive("NumbersApi.list_numbers", "self").numbers}


def _hooks(drive: Driver) -> None:
    hook = faxplus.Webhook(target="http://127.0.0.1:1/hook", event="fax_sent")
    created = drive("WebhooksApi.create_webhook", body=hook)
    (listed,) = drive("WebhooksApi.get_webhooks", "fax_sent").data
    assert (listed.id, listed.target, listed.event) == (created.id, hook.target, "fax_sent")
    drive("WebhooksApi.delete_webhook", created.id)
    assert not drive("WebhooksApi.get_webhooks", "fax_sent").data


async def test_the_official_client_drives_every_call(
    simulator: Simulator, hands: Hands, document: Path
) -> None:
    """C1: a call of the official client that is not driven here fails this test by its name."""
    drive = Driver(simulator)
    steps: list[Callable[[], None]] = [
        lambda: _faxes(drive, hands, document),
        lambda: _account(drive),
        lambda: _shop(drive),
        lambda: _hooks(drive),
    ]
    for step in steps:
        await asyncio.to_thread(step)

    assert calls_of_the_official_client() - drive.driven == set()
    assert len(drive.driven) == 30


async def test_what_a_hook_delivers_is_what_the_official_client_reads(
    simulator: Simulator, hands: Hands, document: Path
) -> None:
    """C1: a callback, in both spellings, read by the official client's own model."""
    simulator.provider.switches.hook_long_keys = True
    fax_id = await asyncio.to_thread(_send, Driver(simulator), document)
    hands.now += 60
    simulator.provider.hooks.register("fax_sent", "http://127.0.0.1:1/hook")
    provider = simulator.provider
    provider.unheard = list(provider.items)
    provider.news(hands.now)
    ((target, what),) = provider.hooks.due(provider.switches, hands.now)

    from mail2fax.simulator import shapes  # noqa: PLC0415 - only here it is looked at from inside

    body = shapes.callback(provider, target, what, hands.now)
    data = faxplus.WebhookCallbackData(**body["data"])
    hook = faxplus.WebhookCallbackHook(**body["hook"])

    assert (data.id, data.status, data.pages) == (fax_id, "success", 2)
    assert (data.to_number, hook.event, hook.id) == (NUMBER, "fax_sent", fax_id)


@pytest.fixture
def browser(simulator: Simulator) -> Iterator[httpx.Client]:
    """Something that looks at the page of the fax machines."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        yield client


async def test_the_page_of_the_fax_machines_shows_the_real_pages(
    simulator: Simulator, hands: Hands, document: Path, browser: httpx.Client
) -> None:
    """C1: what arrived is drawn from what was faxed; what did not arrive is named."""
    drive = Driver(simulator)
    cover = faxplus.OutboxCoverPage(name_to="<b>Lab</b>", name_from="Ann", subject="Result")
    arrived = await asyncio.to_thread(_send, drive, document, cover_page=cover)
    simulator.provider.switches.default_outcome = "failed_no_answer"
    lost = await asyncio.to_thread(_send, drive, document)
    root = simulator.page_url.removesuffix("/_simulator/faxes")
    empty = await asyncio.to_thread(browser.get, root)
    hands.now += 60

    page = await asyncio.to_thread(browser.get, root)
    pictures = [
        await asyncio.to_thread(browser.get, f"{root}/_simulator/faxes/{arrived}/{number}.png")
        for number in range(1, 5)
    ]

    assert "No fax has arrived yet" in empty.text
    assert [picture.status_code for picture in pictures] == [200, 200, 200, 404]
    with Image.open(io.BytesIO(pictures[1].content)) as second:
        assert second.convert("L").getpixel((5, 5)) == 0
        assert second.convert("L").getpixel((1000, 1000)) == 255
    assert page.text.count("<img") == 3
    assert "nothing arrived (failed_no_answer)" in page.text
    assert f"{lost}/1.png" not in page.text


async def test_the_report_says_what_became_of_the_fax(
    simulator: Simulator, hands: Hands, document: Path
) -> None:
    """C1: a PDF with the outcome in it; 404 while there is no record yet."""
    drive = Driver(simulator)
    fax_id = await asyncio.to_thread(_send, drive, document)
    with pytest.raises(faxplus.rest.ApiException) as caught:
        await asyncio.to_thread(drive, "FilesApi.get_fax_report", "self", fax_id)
    hands.now += 60
    path = await asyncio.to_thread(drive, "FilesApi.get_fax_report", "self", fax_id)

    assert caught.value.status == 404
    text = pypdfium2.PdfDocument(path)[0].get_textpage().get_text_range()
    assert "status: success" in text
    assert f"to: {NUMBER}" in text
    assert "pages: 2" in text


async def test_documents_that_cannot_be_drawn_are_a_page_that_says_so(
    simulator: Simulator, hands: Hands, tmp_path: Path, browser: httpx.Client
) -> None:
    """C1: an office document, a broken PDF, a text and a picture all have pages to look at."""
    drive = Driver(simulator)
    texts = {"a.docx": b"PK made up", "b.pdf": b"%PDF-1.4 made up", "c.txt": "Grüezi".encode()}
    for name, content in texts.items():
        path = tmp_path / name
        path.write_bytes(content)
        await asyncio.to_thread(_send, drive, path)
    Image.new("RGB", (400, 200), "black").save(tmp_path / "d.png")
    await asyncio.to_thread(_send, drive, tmp_path / "d.png")
    hands.now += 60

    root = simulator.page_url
    for item in simulator.provider.items:
        picture = await asyncio.to_thread(browser.get, f"{root}/{item.id}/1.png")
        with Image.open(io.BytesIO(picture.content)) as drawn:
            assert drawn.width == 1728
            assert drawn.convert("L").getextrema()[0] == 0  # something is on it
