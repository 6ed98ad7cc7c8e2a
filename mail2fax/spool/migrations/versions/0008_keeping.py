"""When content goes, which comments at Fax.Plus are to be cut, and the chained audit lines (K7)."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; faxes that were ordered before get their comments cut in the end, too."""
    op.add_column("mail", sa.Column("purge_at", sa.Float))
    op.create_index("mail_purge", "mail", ["state", "purge_at"])
    op.create_table(
        "remark",
        sa.Column("fax_plus_id", sa.Text, primary_key=True),
        sa.Column("mail_id", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.Float),
        sa.Index("remark_mail", "mail_id"),
        sa.Index("remark_due", "next_try"),
    )
    op.execute(
        "INSERT OR IGNORE INTO remark (fax_plus_id, mail_id, token, tries) "
        "SELECT fax.fax_plus_id, fax.mail_id, max(job.token), 0 FROM fax "
        "JOIN job_fax ON job_fax.fax_id = fax.id JOIN job ON job.id = job_fax.job_id "
        "WHERE fax.fax_plus_id IS NOT NULL AND job.state = 'ordered' GROUP BY fax.id"
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("salt", sa.Text),
        sa.Column("personal", sa.Text),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Index("audit_at", "at"),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
