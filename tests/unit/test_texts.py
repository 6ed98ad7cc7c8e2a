"""W1-W3, R10: the words of the replies."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.facts import safe
from mail2fax.answering.texts import Letter, letter_for, to_ascii
from mail2fax.spool.lifecycle import MailState
from mail2fax.spool.records import FaxStory, MailStory, NumberMark
from mail2fax.values import Converted, Cover, Document, End, Identity, NotFaxed, Options, Outcome

NOW = 1_795_000_000.0  # 18 Nov 2026, 11:06:40 UTC
FAX = FaxStory(
    id="f1", ordinal=1, state="ordered", number="+41225550123", written="0225550123",
    country="CH", reading="national", name="Dr. Meier", orders=1, fax_plus_id="abc123",
    ordered_at=NOW, outcome=None, job_state="ordered", job_why="", next_try=None,
)  # fmt: skip
STORY = MailStory(
    id="m1", reference="M2F-7K3QX", state="prepared", received_at=NOW, size=1000,
    mail_from="ann@example.org", peer="127.0.0.1", helo="me", listener="l",
    identity=Identity("r", "network", "127.0.0.1"), subject="Lab results", message_id="<1@x>",
    thread="", reply_to=("ann@example.org",), replies="both", options=Options(),
    refused_recipients=(("117@fax.example.com", "550 5.7.1 117: an emergency number"),),
    comment="own words", why="", faxes=(FAX,), told=(),
    not_faxed=(
        NotFaxed("1", None, "text/plain", None, None, "The text."),
        NotFaxed("3", "invite.ics", "text/calendar", None, None, "A calendar entry is not faxed."),
    ),
    documents=(
        Document("2", "Übersicht.pdf", "application/pdf", 34_815, "sha", 2),
        Document(
            "4", "photo.gif", "image/gif", 2_500_000, "sha", 1,
            converted=Converted("image/tiff", 9, "sha", "Converted to black and white."),
        ),
    ),
)  # fmt: skip
SETTINGS = LetterSettings("Europe/Zurich")


def letter(kind: str, story: MailStory = STORY) -> Letter:
    """The letter of a kind about the story's first fax."""
    of_mail = ("accepted", "asked", "refused", "waiting", "status")
    fax_id = None if kind in of_mail else story.faxes[0].id
    return letter_for(kind, story, fax_id, SETTINGS)


def test_what_was_said_of_a_number_is_told_with_the_next_fax() -> None:
    """S6: a marked number stops nothing; the sender is asked to check it."""
    mark = NumberMark(NOW - 86400, "The number is not in use.")
    faxes = (replace(FAX, mark=mark), *STORY.faxes[1:])

    told = letter("accepted", replace(STORY, faxes=faxes)).body

    assert "failed: The number is not in use. Check the number with the" in " ".join(told.split())
    assert "failed:" not in letter("accepted").body


def ended(end: End, why: str = "", pages: int | None = None) -> Letter:
    """The outcome letter of such an end."""
    fax = replace(FAX, outcome=Outcome(end, "status_word", NOW, why, pages, 95))
    return letter("outcome", replace(STORY, faxes=(fax,)))


def test_accepted_tells_everything_and_promises_nothing_more() -> None:
    """W2, R10: as written and as dialled, IDs, documents, what is not faxed, refused ones."""
    told = letter("accepted")

    assert (told.subject, told.from_name) == ("Re: Lab results", "Fax accepted 0225550123")
    assert told.body == (
        "Your fax to +41 22 555 01 23 was handed over to Fax.Plus.\n"
        "\n"
        "M2F-7K3QX/1: +41 22 555 01 23 (Switzerland), Dr. Meier\n"
        "    You wrote: 0225550123\n"
        "    handed over, fax ID abc123\n"
        "\n"
        "Not accepted as a fax number:\n"
        "    117@fax.example.com: 117: an emergency number\n"
        "\n"
        "Documents:\n"
        "    Übersicht.pdf (2 pages, 35 kB)\n"
        "    photo.gif (1 page, 2.5 MB)\n"
        "        Converted to black and white.\n"
        "\n"
        "Not faxed:\n"
        "    invite.ics: A calendar entry is not faxed.\n"
        "\n"
        "Your text was not sent to the recipient; Fax.Plus keeps it as a comment.\n"
        "\n"
        '"Handed over" does not mean "received" yet. You get another mail as soon as it is '
        "known how each fax ended.\n"
        "\n"
        "Your administrator can stop a fax that has not gone out yet: name M2F-7K3QX.\n"
    )


def test_accepted_for_several_numbers() -> None:
    """W2: all of them, or how many, and why not the others."""
    second = replace(FAX, id="f2", ordinal=2, number="+41225550124")
    failed = replace(
        second, state="failed", fax_plus_id=None, outcome=Outcome(End.NOT_SENT, "x", NOW, "No.")
    )
    both = letter("accepted", replace(STORY, faxes=(FAX, second)))
    one = letter("accepted", replace(STORY, faxes=(FAX, failed)))
    waiting = replace(second, state="pending", fax_plus_id=None, job_why="The line was busy.")
    more = letter("accepted", replace(STORY, faxes=(FAX, waiting)))

    assert both.body.startswith("Your fax to 2 numbers was handed over to Fax.Plus.")
    assert both.from_name == "Fax accepted 2 numbers"
    assert one.body.startswith("Your fax was handed over to Fax.Plus for 1 of 2 numbers.")
    assert "M2F-7K3QX/2: +41 22 555 01 24" in one.body
    assert "    Not sent: No.\n" in one.body
    assert "    Not handed over yet: The line was busy.\n" in more.body


@pytest.mark.parametrize(
    ("options", "comment", "sentence"),
    [
        (Options(cover=Cover()), "words", "The cover page carries what you asked for"),
        (Options(), "", "Only the documents were sent"),
        (Options(), "word\u2026", "Fax.Plus keeps its beginning as a comment."),
        (Options(body="off"), "words", "Only the documents were sent"),
        (Options(at=NOW + 86400), "words", "It goes out on 19 Nov 2026, 12:06 CET."),
    ],
)
def test_what_became_of_the_text_and_when_it_goes(
    options: Options, comment: str, sentence: str
) -> None:
    """W2: in words, in the office's time."""
    assert sentence in letter("accepted", replace(STORY, options=options, comment=comment)).body


@pytest.mark.parametrize(
    ("end", "from_name", "first"),
    [
        (End.SUCCESS, "Fax CONFIRMED 0225550123", "was received completely."),
        (End.PARTIAL, "Fax INCOMPLETE 0225550123", "Only a part of the fax to"),
        (End.FAILED, "Fax FAILED 0225550123", "failed."),
        (End.NOT_SENT, "Fax NOT SENT 0225550123", "was not sent."),
        (End.CANCELLED, "Fax CANCELLED 0225550123", "was cancelled."),
        (End.UNKNOWN, "Fax UNKNOWN 0225550123", "It is not known whether"),
    ],
)
def test_each_outcome_in_the_from_name_and_the_first_line(
    end: End, from_name: str, first: str
) -> None:
    """W1, W3: the state where an inbox shows it."""
    told = ended(end, "A reason.", 3)

    assert told.from_name == from_name
    assert first in told.body.splitlines()[0]
    assert "A reason." in told.body
    assert "Duration:  1 min 35 s" in told.body
    assert "Fax ID:    abc123" in told.body


def test_a_confirmed_fax_tells_pages_and_no_advice() -> None:
    """W3: pages, duration, time; nothing to do."""
    body = ended(End.SUCCESS, pages=3).body

    assert "Pages:     3\n" in body
    assert "Time:      18 Nov 2026, 12:06 CET\n" in body
    assert "again" not in body


@pytest.mark.parametrize(
    ("kind", "from_name", "first"),
    [
        ("refused", "Fax NOT SENT 0225550123", "Your mail was not faxed."),
        ("waiting", "Fax WAITING 0225550123", "Your fax has not been sent yet."),
        ("held", "Fax ON HOLD 0225550123", "The fax to +41 22 555 01 23 is on hold."),
        (
            "frozen",
            "Fax ON HOLD 0225550123",
            "The fax to +41 22 555 01 23 is on hold.\n\nAn administrator has stopped",
        ),
        ("copy", "Fax received twice 0225550123", "The fax to +41 22 555 01 23 was received twice"),
    ],
)
def test_the_other_kinds(kind: str, from_name: str, first: str) -> None:
    """W1, L9, S3: the state in the From name and the first line."""
    told = letter(kind, replace(STORY, why="“a.pdf” is damaged."))

    assert told.from_name == from_name
    assert told.body.startswith(first)
    assert "M2F-7K3QX" in told.body
    assert ("“a.pdf” is damaged." in told.body) == (kind == "refused")


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("", "Re: your fax M2F-7K3QX"),
        ("AW: Befund", "AW: Befund"),
        ("a\r\nBcc: b@x", "Re: a Bcc: b@x"),
        ("x" * 400, "Re: " + "x" * 200),
        ("evil\u202efdp.exe", "Re: evil fdp.exe"),
    ],
)
def test_subjects(subject: str, shown: str) -> None:
    """R10, W1: Re: once, no controls, of bounded length."""
    assert letter("accepted", replace(STORY, subject=subject)).subject == shown


def test_what_is_not_known_is_not_told() -> None:
    """W3: no pages, no duration, no fax ID: no such lines; short calls in seconds."""
    outcome = Outcome(End.NOT_SENT, "given up", NOW, "Too late.")
    fax = replace(FAX, fax_plus_id=None, outcome=outcome)
    body = letter("outcome", replace(STORY, faxes=(fax,))).body
    short = replace(FAX, outcome=Outcome(End.SUCCESS, "success", NOW, "", 1, 31))

    assert not any(word in body for word in ("Pages:", "Duration:", "Fax ID:"))
    assert "Duration:  31 s\n" in letter("outcome", replace(STORY, faxes=(short,))).body


def test_an_address_with_several_numbers_is_named_as_dialled() -> None:
    """W1: only a plain number is shown as written."""
    fax = replace(FAX, written='"0225550123;x"')

    assert letter("copy", replace(STORY, faxes=(fax,))).from_name.endswith("+41 22 555 01 23")
    assert letter("refused", replace(STORY, faxes=())).from_name == "Fax NOT SENT"


def test_devices_get_ascii() -> None:
    """W4: for displays that know nothing else."""
    device = replace(STORY, identity=Identity("r", "network", "x", True), subject="Grüße \u2013 ok")
    told = letter("accepted", device)

    assert (told.subject, told.body.isascii()) == ("Re: Grusse - ok", True)
    assert "Ubersicht.pdf" in told.body
    assert to_ascii("\u201ca\u2026\u201d 日") == '"a..." ?'


@given(st.text(max_size=60), st.text(max_size=60))
def test_strangers_texts_stay_on_their_line(subject: str, name: str) -> None:
    """W1: whatever stands in a subject, a file name or an address."""
    hostile = replace(
        STORY, subject=subject, documents=(replace(STORY.documents[0], filename=name),),
        faxes=(replace(FAX, written=name, name=name),),
    )  # fmt: skip
    told = letter("accepted", hostile)
    plain = letter("accepted", replace(STORY, documents=STORY.documents[:1]))

    assert len(told.body.split("\n")) <= len(plain.body.split("\n"))
    assert not any(ord(letter_) < 32 for letter_ in told.subject + told.from_name)
    assert safe(subject) == safe(safe(subject))


def test_a_question_about_pictures_says_how_to_answer() -> None:
    """M6: the pictures, until when, and the commands; nothing when it was decided meanwhile."""
    question = "It is not clear whether “a.png” (512 x 512 pixels, 4 kB) is a document."
    asked = letter("asked", replace(STORY, why=question, hold_until=NOW))
    late = letter("asked", replace(STORY, why=""))
    device = replace(STORY, identity=replace(STORY.identity, device=True), hold_until=NOW)

    assert asked.from_name == "Fax ON HOLD 0225550123"
    assert asked.body.splitlines()[2].startswith(question)
    assert "queue release M2F-7K3QX --without-pictures" in asked.body
    assert "Without an answer by 18 Nov 2026" in asked.body
    assert "decided meanwhile" in late.body
    assert "Answer this mail" in asked.body
    assert "Answer this mail" not in letter("asked", device).body  # it would be denied: W6


def test_numbers_sent_in_different_ways_are_told_apart() -> None:
    """W2, O2: what became of the text, and when each goes."""
    on_cover = replace(FAX, options=Options(cover=Cover("x"), body="cover", at=NOW + 3600))
    other = replace(FAX, id="f2", ordinal=2, number="+41445550199", options=Options(body="off"))
    body = letter("accepted", replace(STORY, faxes=(on_cover, other))).body

    assert "+41 22 555 01 23: Your text stands on the cover page." in body
    assert "+41 44 555 01 99: Only the documents were sent to the recipient" in body
    assert "+41 22 555 01 23: It goes out on 18 Nov 2026, 13:06 CET.\n" in body
    assert "+41 44 555 01 99: It goes out now.\n" in body


def test_a_time_that_was_over_when_it_was_handed_over_is_told() -> None:
    """O4, M6, promise 4: a mail that was on hold meanwhile goes out when it is released."""
    fax = replace(FAX, options=Options(at=NOW - 60), ordered_at=NOW)
    body = letter("accepted", replace(STORY, faxes=(fax,))).body

    assert "It goes out now: the time you wrote, 18 Nov 2026, 12:05 CET, was over" in body


def test_an_earlier_fax_is_named_where_it_goes_again() -> None:
    """W2, O5: nothing is attached, so this alone tells what the recipient gets."""
    again = replace(STORY, faxes=(replace(FAX, options=Options(resend="M2F-AAAAA/1")),))

    assert "faxes again what was faxed as M2F-AAAAA/1\n" in letter("accepted", again).body
    assert "again" not in letter("accepted", STORY).body


@pytest.mark.parametrize(
    ("end", "line"),
    [
        (End.SUCCESS, "received completely, fax ID abc123"),
        (End.PARTIAL, "only a part was received, fax ID abc123"),
        (End.CANCELLED, "cancelled, fax ID abc123"),
        (End.UNKNOWN, "not known whether it was received, fax ID abc123"),
        (End.FAILED, "Not sent: Busy."),
    ],
)
def test_a_status_tells_how_a_fax_ended(end: End, line: str) -> None:
    """W6, promise 4: handed over is not all that is known of it by then."""
    story = replace(STORY, faxes=(replace(FAX, outcome=Outcome(end, "x", NOW, "Busy.")),))

    assert f"    {line}\n" in letter("status", story).body


def test_a_status_says_in_words_how_the_mail_stands() -> None:
    """W6: no state's name that only the ledger knows."""
    for state in MailState:
        if state is not MailState.ANSWERED:  # which nobody can ask about
            body = letter("status", replace(STORY, state=state)).body
            assert not body.startswith(f"Your mail {state}.")
    held = letter("status", replace(STORY, state=MailState.HELD))
    assert held.body.startswith("Your mail is on hold.")


def test_a_faxs_own_options_are_what_is_told() -> None:
    """O2: not the rule's."""
    fax = replace(FAX, options=Options(at=NOW + 86400, body="page"))
    body = letter("accepted", replace(STORY, faxes=(fax,), options=Options(at=NOW))).body

    assert "It goes out on 19 Nov 2026, 12:06 CET." in body
    assert "Your text was faxed as a page." in body


def test_waiting_for_a_fax_of_later_ends_later() -> None:
    """O4, promise 4: giving up counts from the time it is wanted for."""
    fax = replace(FAX, options=Options(at=NOW + 86400))

    assert "19 Nov 2026, 16:06" in letter("waiting", replace(STORY, faxes=(fax,))).body
