"""The first schema: created whole by `mail2fax.spool.migration`, so there is nothing to run."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing: every ledger begins at this revision."""


def downgrade() -> None:
    """Nothing: there is no earlier revision."""
