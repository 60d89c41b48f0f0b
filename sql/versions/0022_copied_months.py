"""Daily bars may be copied into the partitions of their months by name."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parents[1] / "0022_copied_months"


def upgrade() -> None:
    """Run the folder's .sql files in order of name, on the bare cursor so that % and : mean nothing."""
    cursor = op.get_bind().connection.cursor()
    for path in sorted(FOLDER.glob("*.sql")):
        cursor.execute(path.read_text("utf-8"))
    cursor.close()


def downgrade() -> None:
    """Refuse: rows would be lost; restore a backup instead."""
    raise RuntimeError("migrations only go forward: restore a backup to go back")
