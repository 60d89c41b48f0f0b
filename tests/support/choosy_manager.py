"""An auth manager of Airflow that keeps one user from plugins, as roles of other managers do."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class ChoosyManager(SimpleAuthManager):  # type: ignore[misc]
    """Airflow's simple one, where ``guest`` sees no plugins."""

    def is_authorized_view(self, *, access_view, user):
        """Return whether the user may see a part of the UI."""
        if access_view is AccessView.PLUGINS and user.get_id() == "guest":
            return False
        return super().is_authorized_view(access_view=access_view, user=user)
