-- What every start makes sure of, on a server that nobody else can reach yet. It may run any number
-- of times. Needs the psql variables `app_user` and `database`, and the environment variables
-- POSTGRES_PASSWORD_FILE and APP_PASSWORD_FILE: psql reads the passwords itself, so that they stand
-- in no argument and no environment, and the server that gets them logs no statement.
\set ON_ERROR_STOP on
\set VERBOSITY terse
\set QUIET on
SET client_min_messages = warning;
SET password_encryption = 'scram-sha-256';

\set postgres_password `cat "$POSTGRES_PASSWORD_FILE"`
\set app_password `cat "$APP_PASSWORD_FILE"`
ALTER ROLE postgres PASSWORD :'postgres_password';
SELECT format('CREATE ROLE %I', :'app_user')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app_user')
\gexec
ALTER ROLE :"app_user" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD :'app_password';

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'app_user')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
ALTER DATABASE :"database" OWNER TO :"app_user";
\connect :"database"
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
