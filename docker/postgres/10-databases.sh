#!/bin/sh
# Runs once, when the volume is new: makes the two databases and their owners, neither of whom is a superuser.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set airflow="$(cat "${SECRETS:-/run/secrets}/AIRFLOW_DB_PASSWORD")" \
    --set owner="$(cat "${SECRETS:-/run/secrets}/MARKET_DB_PASSWORD")" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE DATABASE airflow OWNER airflow;
CREATE ROLE market_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE DATABASE market OWNER market_owner;
SQL
