"""Options of each fax, mails that belong together, pictures an identity sends again and again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; what is there stays as it is."""
    op.add_column("mail", sa.Column("series", sa.Text))
    op.add_column("mail", sa.Column("series_number", sa.Integer))
    op.add_column("mail", sa.Column("series_total", sa.Integer))
    op.add_column("mail", sa.Column("pictures_decided", sa.Text))
    op.create_index("mail_series", "mail", ["series"])
    op.drop_index("mail_digest", "mail")
    op.create_index("mail_digest", "mail", ["digest", "answer"])
    op.add_column("document", sa.Column("role", sa.Text, nullable=False, server_default=""))
    op.add_column("fax", sa.Column("wishes", sa.JSON))
    op.add_column("fax", sa.Column("options", sa.JSON))
    op.create_table(
        "picture",
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("mail_id", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("who", "sha256", "mail_id"),
    )


def downgrade() -> None:
    """Nothing: a ledger never goes back; the copy made before the upgrade does."""
