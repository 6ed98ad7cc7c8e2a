"""Fax.Plus's own reports of faxes, where somebody asked for them (O1, W3)."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.create_table(
        "report",
        sa.Column("fax_id", sa.Text, primary_key=True),
        sa.Column("mail_id", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float),
        sa.Index("report_mail", "mail_id"),
        sa.Index("report_due", "next_try"),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
