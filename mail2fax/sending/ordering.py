"""A job as the order that is posted for it. Pure."""

from mail2fax.clock import utc
from mail2fax.faxplus.wire import CoverPage, Order
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool.records import Job

_LONGEST_COMMENT = 500
_OUR_RETRIES = (0, 0)
_MARK, _NO_MARK = "m2f:", "m2f "
_INTO_COMMENT = (None, "comment", "comment+cover")


def order_for(
    job: Job, settings: SendingSettings, now: float, earlier_user: str | None = None
) -> Order:
    """The order of a job whose documents are all uploaded, at ``now``.

    An earlier fax that it sends again is named with its owner, where that is another
    (``earlier_user``).

    The token goes last into the comment, which the archive shows, and first into the tags,
    which the outbox shows (S3). Provider-side retries are off unless the mail asked for them:
    two retry engines multiply faxes (R4).
    """
    options = job.options
    return Order(
        from_=options.source_numbers or settings.source_numbers,
        to=tuple(fax.number for fax in job.faxes),
        files=tuple(at_rest.upload_path or "" for at_rest in job.uploads),
        from_fax=options.from_fax,
        from_fax_user=earlier_user,
        comment_text=comment_with(job.token, _words(job)),
        comment_tags=(job.token, *options.tags, *([options.bill] if options.bill else [])),
        enhancement=options.enhance,
        retry=(options.retry.count, options.retry.delay) if options.retry else _OUR_RETRIES,
        send_time=utc(options.at) if options.at is not None and options.at > now else None,
        resolution=options.resolution,
        cover_page=_cover(job),
    )


def comment_with(token: str, words: str) -> str:
    """The comment's text: words, then the token, 500 characters at most."""
    room = _LONGEST_COMMENT - len(token) - 1
    kept = words.strip()[:room].rstrip()
    return f"{kept}\n{token}" if kept else token


def _words(job: Job) -> str:
    """The comment's words; a token quoted in them must not be taken for the fax's own (S3)."""
    options = job.options
    own = job.comment if options.body in _INTO_COMMENT else ""
    return (own if options.comment is None else options.comment).replace(_MARK, _NO_MARK)


def _cover(job: Job) -> CoverPage | None:
    cover = job.options.cover
    if cover is None:
        return None
    return CoverPage(cover.name_to, cover.name_from, cover.subject, cover.message, cover.flags)
