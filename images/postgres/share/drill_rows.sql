-- For all tables of a database, as JSON lines: the exact number of rows, and what tells whether they have
-- changed since: rows inserted and deleted so far, and the file, another one after TRUNCATE.
\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT format(
    'SELECT json_build_object(''table'', %L, ''rows'', count(*), ''file'', %s, ''changes'', %s) FROM ONLY %s',
    name, file, changes, name)
  FROM (
    SELECT c.oid::regclass::text AS name, pg_relation_filenode(c.oid) AS file,
        pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_deleted(c.oid) AS changes
      FROM pg_class c
     WHERE c.relkind = 'r' AND c.relpersistence = 'p'
       AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
     ORDER BY 1
  ) tables
\gexec
COMMIT;
