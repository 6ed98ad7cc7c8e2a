"""Faxes that a person wants stopped, held or sent again, and what a reply tells of it (W6, K8)."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("fax", sa.Column("again_of", sa.Text))
    op.add_column("job", sa.Column("held_at", sa.Float))
    op.add_column("reply", sa.Column("facts", sa.JSON))
    op.create_table(
        "stop",
        sa.Column("fax_id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float, nullable=False),
        sa.Column("asked_at", sa.Float),
        sa.Index("stop_due", "said", "next_try"),
    )
    op.create_table(
        "pause",
        sa.Column("fax_id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
