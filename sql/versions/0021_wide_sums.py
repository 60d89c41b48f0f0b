"""Seals are summed in five parts where the server can cast bytes to a number."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parents[1] / "0021_wide_sums"


def upgrade() -> None:
    """Run the folder's .sql files in order of name, on the bare cursor so that % and : mean nothing."""
    cursor = op.get_bind().connection.cursor()
    for path in sorted(FOLDER.glob("*.sql")):
        cursor.execute(path.read_text("utf-8"))
    cursor.close()


def downgrade() -> None:
    """Refuse: rows would be lost; restore a backup instead."""
    raise RuntimeError("migrations only go forward: restore a backup to go back")
