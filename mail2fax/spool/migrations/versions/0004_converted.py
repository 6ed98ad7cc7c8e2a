"""What is uploaded in place of a document that was converted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("document", sa.Column("converted", sa.JSON))


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
