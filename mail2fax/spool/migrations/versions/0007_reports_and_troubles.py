"""What an envelope asks to be told (RFC 3461), and the troubles the admin is told of (S6)."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("mail", sa.Column("recipients", sa.JSON, nullable=False, server_default="[]"))
    for name in ("envelope_id", "returned"):
        op.add_column("mail", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_table(
        "trouble",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("over_at", sa.Float),
        sa.Column("told_at", sa.Float),
        sa.Column("alert_id", sa.Text),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("is_over", sa.Integer, nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("address", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float, nullable=False),
        sa.Column("told_at", sa.Float),
        sa.Column("told_to", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Index("alert_due", "state", "next_try"),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
