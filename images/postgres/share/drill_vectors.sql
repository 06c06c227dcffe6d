-- For each column of vectors with a row in it, as JSON lines: how far the nearest neighbour of one of its
-- rows is from that row.
\set ON_ERROR_STOP on
SELECT format(
    'SELECT json_build_object(''column'', %L, ''distance'', distance) FROM (SELECT %2$I <-> (SELECT %2$I FROM ONLY %3$s'
    ' WHERE %2$I IS NOT NULL LIMIT 1) AS distance FROM ONLY %3$s WHERE %2$I IS NOT NULL ORDER BY 1 LIMIT 1) nearest',
    c.oid::regclass || '.' || quote_ident(a.attname), a.attname, c.oid::regclass)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_type t ON t.oid = a.atttypid
 -- Without a declared number of dimensions, rows may have different ones, and so no distance.
 WHERE t.typname = 'vector' AND a.atttypmod <> -1 AND NOT a.attisdropped AND c.relkind = 'r' AND c.relpersistence = 'p'
\gexec
