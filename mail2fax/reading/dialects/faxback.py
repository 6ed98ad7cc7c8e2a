"""FaxBack NET SatisFAXtion: flags in the address.

``5035550123^COMPANY=FaxBack^NOCOVER^RETRIES=2^BILLING=77@…``
"""

from mail2fax.reading.dialects.dialect import Dialect, refused
from mail2fax.values import Wish

_DEFAULT_DELAY = 5
_PAPER = "Paper cannot be chosen. Leave it out"


def _in_address(wish: Wish) -> tuple[Wish, ...] | None:
    key, value, place = wish.key, wish.value, wish.place
    if key == "retries":
        return (Wish("retry", f"{value}/{_DEFAULT_DELAY}", place),)
    if key == "billing":
        return (Wish("bill", value, place),)
    if key in ("standard", "coarse"):
        return (Wish("resolution", "fine", place),)  # Fax.Plus has nothing coarser
    if key in ("a4", "legal", "letter"):
        return (refused(f"^{key.upper()}", _PAPER, place),)
    return None


FAXBACK = Dialect(in_address=_in_address, separator="^")
