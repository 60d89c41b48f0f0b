#!/bin/sh
# Runs once, when the volume is new: makes the warehouse's owner and its database beside Airflow's own.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$MARKET_DB_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE market_owner LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE market OWNER market_owner;
SQL
