# Whether the restored rows are those of the database, which goes on meanwhile: $before was counted when the canary was
# written, $restored after the restore, and $after says what has changed since. Prints {ok, note}.
($restored | map({key: .table, value: .rows}) | from_entries) as $rows
| ($after | map({key: .table, value: .}) | from_entries) as $now
| [
    $before[]
    | . as $then
    | $now[.table] as $now
    # Emptied, dropped, or statistics reset: nothing is known of it.
    | select($now != null and $now.file == .file and $now.changes >= .changes)
    | $rows[.table] as $found
    | {
        ok: ($found != null and (($found - $then.rows) | fabs) <= $now.changes - $then.changes),
        note: ("\(.table) has \($found // "no") rows, and should have \($then.rows)"
            + (if $now.changes > $then.changes then " give or take \($now.changes - $then.changes)" else "" end))
    }
] as $tables
| [$tables[] | select(.ok | not) | .note] as $wrong
| {
    ok: ($wrong == []),
    note: (
        if $wrong != [] then $wrong | join("; ")
        else "\($restored | map(.rows) | add // 0) rows in \($restored | length) tables" end
    )
}
