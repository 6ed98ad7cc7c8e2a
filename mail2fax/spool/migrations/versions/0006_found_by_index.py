"""What is looked up while mails come and go is found by an index, however old the ledger."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.create_index("job_age", "job", ["state", "created_at"])
    op.create_index("mail_message_id", "mail", ["message_id"])
    op.drop_index("fax_mail", "fax")
    op.create_index("fax_mail", "fax", ["mail_id", "state"])


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
