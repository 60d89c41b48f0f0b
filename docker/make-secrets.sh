#!/bin/sh
# Writes the files that docker-compose.yaml hands to containers as secrets: docker/make-secrets.sh [.env [secrets]]
# A file holds what .env says, else a password that is drawn here, else nothing; one that holds something stays as it is.
set -eu
env=${1:-.env}
folder=${2:-secrets}
umask 022
mkdir -p "$folder"
# Only this user passes through the folder. The files themselves can be read by whichever user a container runs as.
chmod 0700 "$folder"

put() {
    [ -s "$folder/$1" ] && return
    said=
    [ ! -f "$env" ] || said=$(sed -n "s/^$1=\([^ #]*\).*/\1/p" "$env" | tail -n 1)
    printf '%s' "${said:-$2}" > "$folder/$1"
}

drawn() {
    od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'
}

for name in POSTGRES_PASSWORD AIRFLOW_DB_PASSWORD MARKET_DB_PASSWORD MARKET_LOADER_PASSWORD MARKET_READER_PASSWORD \
    REDIS_PASSWORD AIRFLOW_ADMIN_PASSWORD AIRFLOW_JWT_SECRET AIRFLOW_API_SECRET_KEY; do
    put "$name" "$(drawn)"
done
put AIRFLOW_FERNET_KEY "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
for name in KIS_APP_KEY KIS_APP_SECRET KIS_APP_KEY_2 KIS_APP_SECRET_2 KIS_APP_KEY_3 KIS_APP_SECRET_3 KIS_APP_KEY_4 \
    KIS_APP_SECRET_4 KIS_APP_KEY_5 KIS_APP_SECRET_5 KIS_ACCOUNT_NUMBER KRX_API_KEY MARKET_DB_URL MARKET_READER_URL \
    COORDINATION_URL CACHE_URL; do
    put "$name" ""
done
echo "$folder holds every secret; nothing else needs .env's secrets now"
