"""The tables of the ledger (SQLAlchemy Core), one version of them.

Times are seconds since the epoch on the daemon's clock. Ids are ULIDs as text. Lists that are
only ever shown are JSON. Every state column is assigned by `lifecycle` alone; every change of
state leaves a row in ``history``.
"""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

SCHEMA = "0012"
"""Alembic revision these tables are (`mail2fax/spool/migrations`)."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

mail = Table(
    "mail",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("size", Integer, nullable=False),
    Column("header_sha256", Text, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("mail_from", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("helo", Text, nullable=False),
    Column("listener", Text, nullable=False),
    Column("identity", JSON, nullable=False),
    Column("who", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("reply_to", JSON, nullable=False),
    Column("replies", Text, nullable=False),
    Column("options", JSON, nullable=False),
    Column("refused_recipients", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("not_faxed", JSON, nullable=False),
    Column("why", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    # A mail that is one of several (message/partial, a split scan): which series, which of them.
    Column("series", Text),
    Column("series_number", Integer),
    Column("series_total", Integer),
    # A person decided about pictures that may be documents or not.
    Column("pictures_decided", Text),
    # An answer to one of our replies: which mail it is about. It is never faxed.
    Column("answers", Text),
    # What the envelope asked to be told of each recipient (RFC 3461).
    Column("recipients", JSON, nullable=False, server_default="[]"),
    Column("envelope_id", Text, nullable=False, server_default=""),
    Column("returned", Text, nullable=False, server_default=""),
    # When its content is to be destroyed; known once everything about it is over (K7).
    Column("purge_at", Float),
    Index("mail_purge", "state", "purge_at"),
    Index("mail_answers", "answers"),
    Index("mail_due", "state", "next_try"),
    Index("mail_series", "series"),
    Index("mail_digest", "digest", "answer"),
    Index("mail_session", "session"),
    Index("mail_message_id", "message_id"),
)

document = Table(
    "document",
    metadata,
    Column("mail_id", Text, ForeignKey("mail.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("part", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("pages", Integer),
    Column("file", Text, nullable=False),
    Column("role", Text, nullable=False, server_default=""),
    # What its file is, when that is not the document as it stood in the mail.
    Column("converted", JSON(none_as_null=True)),
    Column("upload_path", Text),
    Column("uploaded_at", Float),
    PrimaryKeyConstraint("mail_id", "ordinal"),
)

fax = Table(
    "fax",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mail_id", Text, ForeignKey("mail.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("reading", Text, nullable=False),
    Column("name", Text),
    # What its address asked for, as written; and how it is really sent, known once prepared.
    Column("wishes", JSON),
    Column("options", JSON),
    Column("orders", Integer, nullable=False),
    Column("fax_plus_id", Text),
    Column("ordered_at", Float),
    Column("next_poll", Float),
    Column("outcome", JSON),
    Column("twin_of", Text),
    Column("twin_until", Float),
    # The fax of the same mail that this one was wanted again for.
    Column("again_of", Text),
    Index("fax_mail", "mail_id", "state"),
    Index("fax_open", "state", "next_poll"),
    Index("fax_fax_plus_id", "fax_plus_id"),
)

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mail_id", Text, ForeignKey("mail.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("token", Text, nullable=False, unique=True),
    Column("supersedes", Text),
    Column("created_at", Float, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    Column("intent_at", Float),
    Column("ordered_at", Float),
    Column("doubt", Text),
    Column("doubt_since", Float),
    Column("misses", Integer, nullable=False),
    Column("seen_at", Float),
    Column("why", Text, nullable=False),
    # The frozen name for which it is held; unfreezing it releases the job (L8).
    Column("frozen", Text),
    # Since when it is held; a hold ends so long after it.
    Column("held_at", Float),
    Index("job_due", "state", "next_try"),
    Index("job_mail", "mail_id"),
    Index("job_age", "state", "created_at"),
)

job_fax = Table(
    "job_fax",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), nullable=False),
    Column("fax_id", Text, ForeignKey("fax.id"), nullable=False),
    PrimaryKeyConstraint("job_id", "fax_id"),
    Index("job_fax_fax", "fax_id"),
)

reply = Table(
    "reply",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mail_id", Text, ForeignKey("mail.id"), nullable=False),
    Column("fax_id", Text),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("address", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    Column("told_at", Float),
    Column("told_to", Text),
    Column("why", Text, nullable=False),
    # What it tells beside the mail's story: what became of a verb.
    Column("facts", JSON),
    Index("reply_due", "state", "next_try"),
    Index("reply_mail", "mail_id"),
)

report = Table(
    "report",
    metadata,
    # Fax.Plus's own report of a fax, that somebody asked for (W3). ``file`` lies in the mail's
    # directory, and is empty where there is none; ``next_try`` says when it is fetched.
    Column("fax_id", Text, primary_key=True),
    Column("mail_id", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float),
    Index("report_mail", "mail_id"),
    Index("report_due", "next_try"),
)

remark = Table(
    "remark",
    metadata,
    # A record at Fax.Plus whose comment holds our token, and it may be words (K7). ``next_try``
    # says when the words are to be cut off; none as long as the mail is not forgotten.
    Column("fax_plus_id", Text, primary_key=True),
    Column("mail_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float),
    Index("remark_mail", "mail_id"),
    Index("remark_due", "next_try"),
)

stop = Table(
    "stop",
    metadata,
    # A person wants a fax stopped. Not posted, it never is; ordered, Fax.Plus is asked.
    Column("fax_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    # What Fax.Plus said, one of the words of ``stops``; empty as long as it is to be asked.
    Column("said", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    # Since when it may have had its effect that Fax.Plus was asked.
    Column("asked_at", Float),
    Index("stop_due", "said", "next_try"),
)

pause = Table(
    "pause",
    metadata,
    # An administrator keeps a fax from being posted until it is released or cancelled.
    Column("fax_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
)

picture = Table(
    "picture",
    metadata,
    # Which pictures an identity sends again and again: its letterhead, not its documents (M6).
    Column("who", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("mail_id", Text, nullable=False),
    Column("seen_at", Float, nullable=False),
    PrimaryKeyConstraint("who", "sha256", "mail_id"),
)

token = Table(
    "token",
    metadata,
    # What stands in the address that a mail's sender answers to (W6).
    Column("token", Text, primary_key=True),
    Column("mail_id", Text, ForeignKey("mail.id"), nullable=False),
    Column("made_at", Float, nullable=False),
    Index("token_mail", "mail_id"),
)

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mail_id", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("history_mail", "mail_id"),
)

command = Table(
    "command",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("result", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # The hash-chained lines for auditors (K7). The fields that name a person stand beside the
    # line (JSON: values, and a salt of each), which holds only a salted hash of each: they can be
    # erased without breaking the chain.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("line", Text, nullable=False),
    Column("salt", Text),
    Column("personal", Text),
    Column("hash", Text, nullable=False),
    Index("audit_at", "at"),
)

login = Table(
    "login",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
)

login_seen = Table(
    "login_seen",
    metadata,
    # From where somebody logged in of late: never locked out (L8).
    Column("login", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("seen_at", Float, nullable=False),
    PrimaryKeyConstraint("login", "address"),
)

lockout = Table(
    "lockout",
    metadata,
    # Wrong passwords for a login, known or not, from a network.
    Column("login", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Float, nullable=False),
    Column("until", Float, nullable=False),
    PrimaryKeyConstraint("login", "network"),
    Index("lockout_failed", "failed_at"),
)

usage = Table(
    "usage",
    metadata,
    # What a rule's quotas count: reserved before the 250, released when no page was sent (L8).
    Column("fax_id", Text, ForeignKey("fax.id"), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("released", Integer, nullable=False),
    Index("usage_rule", "rule", "at"),
)

frozen = Table(
    "frozen",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    # A refusal on the line that somebody is told by mail: there is no mail it belongs to (L7).
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("reply_to", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("address", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    Column("told_at", Float),
    Column("told_to", Text),
    Column("why", Text, nullable=False),
    Index("notice_due", "state", "next_try"),
    Index("notice_device", "device", "due_at"),
)

trouble = Table(
    "trouble",
    metadata,
    # What is wrong with the house, one row a kind: since when, and whether the admin knows (S6).
    Column("kind", Text, primary_key=True),
    Column("began_at", Float, nullable=False),
    Column("over_at", Float),
    # The mail that told of its beginning; none while the last of this kind is too young.
    Column("told_at", Float),
    Column("alert_id", Text),
    Column("facts", Text, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    # One mail to the admin that a trouble has begun, or is over.
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("is_over", Integer, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("facts", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("address", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Float, nullable=False),
    Column("told_at", Float),
    Column("told_to", Text),
    Column("why", Text, nullable=False),
    Index("alert_due", "state", "next_try"),
)

marked_number = Table(
    "marked_number",
    metadata,
    # Fax.Plus said of it that it cannot be faxed; told, never a reason to refuse (S6).
    Column("number", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("why", Text, nullable=False),
)
