"""Whose a record of Fax.Plus is, is found by an index on its ID (S5)."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.create_index("fax_fax_plus_id", "fax", ["fax_plus_id"])


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
