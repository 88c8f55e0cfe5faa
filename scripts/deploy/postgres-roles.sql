-- The roles of a new database, for psql: one that migrates, one that serves, and the one that requests run as.
-- src/db/README.md explains them; compose.yaml has PostgreSQL run this when its volume is empty.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set app_password `cat /run/secrets/app_password`

create role colloquy_app nologin;

create role colloquy_owner login password :'owner_password';
grant colloquy_app to colloquy_owner with admin option;

create role colloquy login password :'app_password';
grant colloquy_app to colloquy;

create database colloquy owner colloquy_owner;
