#!/bin/sh
# First start of the database container: three databases, each with its two roles.
# An owner runs migrations; an application role owns nothing and cannot bypass row-level security.
set -eu
for service in directory referrals campaigns; do
    psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        -v service="$service" -v owner="${service}_owner" -v app="${service}_app" \
        -v owner_password="$(cat "${SECRETS:-/run/secrets}/${service}-owner-password")" \
        -v app_password="$(cat "${SECRETS:-/run/secrets}/${service}-app-password")" <<'SQL'
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';
CREATE DATABASE :"service" OWNER :"owner" TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"app";
SQL
done
