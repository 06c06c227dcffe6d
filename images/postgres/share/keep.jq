# From `pgbackrest info`: how many of the newest full backups have to stay, so that $full of them are
# without errors and one without errors is $days old. 0 if there are too few for that: then all stay.
[.[0].backup[] | select(.type == "full")] | sort_by(-.timestamp.stop) as $fulls
| [
    range(1; ($fulls | length) + 1)
    | select(
        [$fulls[:.][] | select(.error | not)] as $good
        | ($good | length) >= $full and any($good[]; now - .timestamp.stop >= $days * 86400)
      )
  ]
| min // 0
