"""Numbers of which Fax.Plus said that they cannot be faxed (S6)."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "marked_number",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
