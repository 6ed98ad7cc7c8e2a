"""What Fax.Plus's words for a fax's status mean, as data (its pages, concepts and help).

A word that is not here is not final: it is waited for, never concluded from.
"""

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What a final status says about the fax."""

    DONE = "done"
    PARTIAL = "partial"
    LATER = "worth a later try"
    NUMBER = "the number cannot be faxed to"
    DOCUMENT = "a document could not be converted"
    ACCOUNT = "the account needs a person"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """One final status.

    Attributes:
        meaning: its class.
        why: a sentence for the person; empty on success.
    """

    meaning: Meaning
    why: str = ""


_UNREADABLE = "Fax.Plus could not turn a document into fax pages. Send it as a plain PDF."

FINAL = {
    "success": Status(Meaning.DONE),
    "partially_sent": Status(
        Meaning.PARTIAL, "The call dropped after the first pages; the rest did not arrive."
    ),
    "failed_user_busy": Status(Meaning.LATER, "The line was busy."),
    "failed_normal_clearing": Status(Meaning.LATER, "The far side was busy and hung up."),
    "failed_no_answer": Status(Meaning.LATER, "Nobody answered."),
    "failed_to_send": Status(Meaning.LATER, "Fax.Plus was too busy to send it."),
    "failed_normal_temporary_failure": Status(
        Meaning.LATER, "The telephone network had a passing fault."
    ),
    "failed_unallocated_number": Status(Meaning.NUMBER, "The number is not in use."),
    "failed_invalid_number_format": Status(Meaning.NUMBER, "The number is not a valid one."),
    "failed_destination_not_supported": Status(
        Meaning.NUMBER, "Fax.Plus does not send to this number."
    ),
    "failed_office_converter_issue": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_separate_file_pages_issue": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_render_header_issue": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_image_preparation": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_convert_to_tiff_issue": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_unknown_converter_issue": Status(Meaning.DOCUMENT, _UNREADABLE),
    "failed_mimetype_not_supported": Status(Meaning.DOCUMENT, _UNREADABLE),
    "insufficient_credit": Status(Meaning.ACCOUNT, "The fax account has no credit left."),
    "failed": Status(Meaning.FAILED, "It failed without a reason from Fax.Plus."),
    "failed_internal_process_error": Status(Meaning.FAILED, "Fax.Plus had an internal fault."),
    "failed_fs_2": Status(Meaning.FAILED, "The telephone network ended the call."),
    "failed_fs_49": Status(Meaning.FAILED, "The telephone network ended the call."),
}


def final(status: str) -> Status | None:
    """What a status means, None while the fax is still on its way."""
    return FINAL.get(status)
