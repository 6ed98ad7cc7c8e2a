"""Tokens of answers to our replies, and which mail an answer is about (W6)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("mail", sa.Column("answers", sa.Text))
    op.create_index("mail_answers", "mail", ["answers"])
    op.create_table(
        "token",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("mail_id", sa.Text, sa.ForeignKey("mail.id"), nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Index("token_mail", "mail_id"),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
