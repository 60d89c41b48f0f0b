"""Airflow's own guard: its login, its rights, and its API for what the buttons start."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import anyio.to_thread
import httpx
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag, requires_access_view
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request

from data_pipeline.exceptions import ConfigurationError
from data_pipeline.pages.gate import Started
from data_pipeline.pages.root import root_of
from data_pipeline.pools import known_dags

FORWARDED = ("authorization", "cookie", "user-agent")
"""What the API is told of a request: who asks, and nothing that a page could choose."""


class AirflowGate:
    """Asks Airflow who somebody is and what they may do; the answers of a stranger are never looked up twice."""

    dependencies = (Depends(requires_access_view(AccessView.PLUGINS)),)

    async def may_stay(self, request: Request) -> bool:
        """Return whether the token of this request still holds and its user may still see plugins.

        The user that a middleware of Airflow found when the request came is not looked at again, but its token is.
        """
        try:
            user = await _user_of_token(request)
            await anyio.to_thread.run_sync(requires_access_view(AccessView.PLUGINS), request, user)
        except HTTPException:
            return False
        return True

    async def user(self, request: Request) -> str:
        """Return the user's id; the dependency has let nobody through without one."""
        return str((await _user(request)).get_id())

    async def may_start(self, request: Request, name: str) -> bool:
        """Return whether Airflow lets this user make runs of the DAG."""
        user = await _user(request)
        # Airflow looks into its database for it, which must not hold up the server.
        return await anyio.to_thread.run_sync(_may_start, request, user, name)

    async def start(self, request: Request, name: str, conf: dict[str, Any]) -> Started:
        """Post a run to Airflow's API, in this process, as the user whose request this is."""
        dag_id = await anyio.to_thread.run_sync(dag_of, name)
        told = {key: value for key, value in request.headers.items() if key in FORWARDED}
        transport = httpx.ASGITransport(app=root_of(request), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url.replace(path="/"))) as api:
            body = {"logical_date": None, "conf": conf, "note": "started on the morning page"}
            answer = await api.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body, headers=told)
            if answer.status_code != 200:
                return Started(answer.status_code, dag_id, said=_detail(answer))
            dag = await api.get(f"/api/v2/dags/{dag_id}", headers=told)
        paused = dag.status_code == 200 and bool(dag.json().get("is_paused"))
        return Started(200, dag_id, run_id=str(answer.json()["dag_run_id"]), paused=paused)

    def secret(self) -> bytes:
        """Return the key with which Airflow signs, which all its API servers share."""
        return str(conf.get_mandatory_value("api", "secret_key")).encode()


def _may_start(request: Request, user: Any, name: str) -> bool:
    dag_id = dag_of(name)
    try:
        requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=dag_id)(request, user)
    except HTTPException:
        return False
    return True


@cache
def dag_of(name: str) -> str:
    """Return the ``dag_id`` under which a DAG of this package is known, perhaps with a prefix.

    Raises:
        ConfigurationError: Airflow has not read it, or its database cannot be read.
    """
    known = known_dags()
    found = [one for one in known if one == name] or sorted(one for one in known if one.endswith(name))
    if not found:
        raise ConfigurationError(f"Airflow knows no DAG {name}: `data-pipeline doctor --airflow` says what is lacking")
    return found[0]


async def _user(request: Request) -> Any:
    from airflow.api_fastapi.core_api.security import bearer_scheme

    return await get_user(request, None, await bearer_scheme(request))


async def _user_of_token(request: Request) -> Any:
    from airflow.api_fastapi.core_api.security import COOKIE_NAME_JWT_TOKEN, bearer_scheme, resolve_user_from_token

    bearer = await bearer_scheme(request)
    return await resolve_user_from_token(bearer.credentials if bearer else request.cookies.get(COOKIE_NAME_JWT_TOKEN))


def _detail(answer: httpx.Response) -> str:
    try:
        said = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        said = ""
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
