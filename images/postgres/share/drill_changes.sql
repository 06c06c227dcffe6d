-- What drill_rows.sql says of all tables, without counting them.
SELECT json_build_object('table', c.oid::regclass::text, 'file', pg_relation_filenode(c.oid),
    'changes', pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_deleted(c.oid))
  FROM pg_class c
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)';
