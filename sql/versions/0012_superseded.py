"""Superseded minutes: what a proof of a whole session does not hold is taken back, and stays findable."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parents[1] / "0012_superseded"


def upgrade() -> None:
    """Run the folder's .sql files in order of name, on the bare cursor so that % and : mean nothing."""
    cursor = op.get_bind().connection.cursor()
    for path in sorted(FOLDER.glob("*.sql")):
        cursor.execute(path.read_text("utf-8"))
    cursor.close()


def downgrade() -> None:
    """Refuse: rows would be lost; restore a backup instead."""
    raise RuntimeError("migrations only go forward: restore a backup to go back")
