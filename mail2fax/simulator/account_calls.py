"""Hooks, numbers, accounts and the shop of the simulated provider (API facts 2.4 to 2.7)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mail2fax.simulator import shapes
from mail2fax.simulator.answers import Call, changed, json_of, not_found
from mail2fax.simulator.hooks import EVENTS
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.provider import OWNER, Provider

_FOR_SALE = "+41225550177"
_ACCOUNT_FIELDS = {
    "account_data", "email", "lastname", "name", "notifications", "phone", "profile_image",
    "settings",
}  # fmt: skip


class AccountCalls:
    """The endpoints that have nothing to do with a single fax, over one provider."""

    def __init__(self, provider: Provider, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._clock = clock
        self._changes: dict[str, Any] = {}
        self._members: dict[str, Any] = {}

    def calls(self, root: str, account: str) -> list[Call]:
        """Every endpoint, below the API's root and the path of an account."""
        countries = f"{root}/shop/numbers/countries"
        number = f"{account}/numbers/{{id}}"
        return [
            Call("hooks", "POST", f"{root}/hooks", self._create_hook),
            Call("hooks", "GET", f"{root}/hooks", self._hooks),
            Call("hooks", "DELETE", f"{root}/hooks/{{id}}", self._delete_hook),
            Call("numbers", "GET", f"{account}/numbers", self._numbers),
            Call("numbers", "GET", number, self._number),
            Call("numbers", "PUT", number, self._assign_number),
            Call("numbers", "DELETE", number, self._revoke_number),
            Call("accounts", "GET", f"{root}/accounts", self._accounts),
            Call("accounts", "GET", f"{account}/member-details/{{id}}", self._member),
            Call("accounts", "PUT", f"{account}/member-details/{{id}}", self._change_member),
            Call("accounts", "GET", account, self._account),
            Call("accounts", "PUT", account, self._change_account),
            Call("balance", "GET", f"{root}/shop/balance", self._balance),
            Call("shop", "GET", countries, self._countries),
            Call("shop", "GET", f"{countries}/{{cc}}/areas", self._areas),
            Call("shop", "GET", f"{countries}/{{cc}}/areas/{{code}}/numbers", self._for_sale),
            Call("shop", "POST", f"{root}/shop/numbers/purchase", self._purchase),
        ]

    # Hooks

    async def _create_hook(self, request: Request) -> Response:
        body = await json_of(request)
        if body.get("event") not in EVENTS:
            raise Invalid("event is not known")
        if urlsplit(str(body.get("target", ""))).scheme not in ("http", "https"):
            raise Invalid("target is no address")
        return JSONResponse({"id": self._provider.hooks.register(body["event"], body["target"])})

    async def _hooks(self, request: Request) -> Response:
        wanted = request.query_params.get("event")
        if wanted not in EVENTS:
            raise Invalid("event is not known")
        shown = [
            {"id": hook_id, "target": target, "event": event}
            for hook_id, (event, target) in self._provider.hooks.targets.items()
            if event == wanted
        ]
        return JSONResponse({"data": shown})

    async def _delete_hook(self, request: Request) -> Response:
        if self._provider.hooks.targets.pop(request.path_params["id"], None) is None:
            return not_found()
        return changed(self._provider.switches)

    # Numbers

    async def _numbers(self, _request: Request) -> Response:
        now, provider = self._clock(), self._provider
        numbers = [shapes.number(provider, number, now) for number in provider.numbers]
        return JSONResponse({"numbers": numbers})

    async def _number(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        if wanted not in self._provider.numbers:
            return not_found()
        return JSONResponse(shapes.number(self._provider, wanted, self._clock()))

    async def _assign_number(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        if wanted not in self._provider.numbers:
            return not_found()
        self._provider.assigned[wanted] = str((await json_of(request)).get("assigned_to", ""))
        return changed(self._provider.switches)

    async def _revoke_number(self, request: Request) -> Response:
        if request.path_params["id"] not in self._provider.numbers:
            return not_found()
        self._provider.assigned.pop(request.path_params["id"], None)
        return changed(self._provider.switches)

    # Accounts

    async def _accounts(self, _request: Request) -> Response:
        return JSONResponse({"members": [self._shown_account()]})

    async def _account(self, request: Request) -> Response:
        user = self._provider.user(request.path_params["user"])
        return JSONResponse(self._shown_account(user or OWNER))

    def _shown_account(self, user: str = OWNER) -> dict[str, Any]:
        return shapes.account(self._clock(), user) | self._changes

    async def _change_account(self, request: Request) -> Response:
        body = await json_of(request)
        if body.keys() - _ACCOUNT_FIELDS:
            raise Invalid("a field cannot be changed")
        self._changes |= body
        return changed(self._provider.switches)

    async def _member(self, request: Request) -> Response:
        details = {"quota": 500, "role": "member"}
        return JSONResponse(details | self._members.get(request.path_params["id"], {}))

    async def _change_member(self, request: Request) -> Response:
        self._members[request.path_params["id"]] = await json_of(request)
        return changed(self._provider.switches)

    # Shop

    async def _balance(self, _request: Request) -> Response:
        return JSONResponse({"amount": 25.5, "currency": "CHF"})

    async def _countries(self, _request: Request) -> Response:
        country = {"iso": "CH", "name": "Switzerland", "is_available": True}
        return JSONResponse({"countries": [country]})

    async def _areas(self, request: Request) -> Response:
        if request.path_params["cc"] != "CH":
            return not_found()
        return JSONResponse({"areas": [{"calling_code": "22", "city": "Geneva", "state": "GE"}]})

    async def _for_sale(self, request: Request) -> Response:
        wanted = request.query_params.get("contains", "")
        place = {"area_code": "22", "geographic_area": "GE", "city": "Geneva"}
        item = {
            "id": "n1", "country": "CH", "number": _FOR_SALE, "country_code": "41",
            "geographic_area": place,
        }  # fmt: skip
        offer = {
            "type": "local", "currency": "CHF", "availability": "now", "item": item,
            "price": 5.0, "monthly_fee": 5.0, "number_of_months": 1,
        }  # fmt: skip
        return JSONResponse({"numbers": [offer] if wanted in _FOR_SALE else []})

    async def _purchase(self, request: Request) -> Response:
        if (await json_of(request)).get("item_id") != "n1":
            return not_found()
        self._provider.numbers = (*self._provider.numbers, _FOR_SALE)
        return JSONResponse({"number": _FOR_SALE})
