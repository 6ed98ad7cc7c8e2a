"""Logins and lock-outs, usage against quotas, who is frozen, refusals that are told by mail."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("job", sa.Column("frozen", sa.Text))
    _create_logins()
    _create_usage()
    _create_notices()


def _create_logins() -> None:
    op.create_table(
        "login",
        _text("name"), _text("hash"), _text("reply_to"), _text("rule"),
        _time("created_at"), _time("changed_at"),
        sa.PrimaryKeyConstraint("name"),
    )  # fmt: skip
    op.create_table(
        "login_seen",
        _text("login"), _text("address"), _time("seen_at"),
        sa.PrimaryKeyConstraint("login", "address"),
    )  # fmt: skip
    op.create_table(
        "lockout",
        _text("login"), _text("network"), _count("failures"), _time("failed_at"), _time("until"),
        sa.PrimaryKeyConstraint("login", "network"),
    )  # fmt: skip
    op.create_index("lockout_failed", "lockout", ["failed_at"])


def _create_usage() -> None:
    op.create_table(
        "usage",
        _text("fax_id"), _text("rule"), _text("number"), _count("pages"), _time("at"),
        _count("released"),
        sa.PrimaryKeyConstraint("fax_id"),
        sa.ForeignKeyConstraint(["fax_id"], ["fax.id"]),
    )  # fmt: skip
    op.create_index("usage_rule", "usage", ["rule", "at"])
    op.create_table(
        "frozen",
        _text("name"), _time("at"), _text("who"), _text("why"),
        sa.PrimaryKeyConstraint("name"),
    )  # fmt: skip


def _create_notices() -> None:
    op.create_table(
        "notice",
        _text("id"), _text("device"), _text("peer"), _text("recipient"), _text("response"),
        sa.Column("reply_to", sa.JSON, nullable=False),
        _text("state"), _time("due_at"), _count("address"), _count("tries"), _time("next_try"),
        sa.Column("told_at", sa.Float), sa.Column("told_to", sa.Text), _text("why"),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("notice_due", "notice", ["state", "next_try"])
    op.create_index("notice_device", "notice", ["device", "due_at"])


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
