# The result of a drill, as metrics.
include "metrics";
metric("drill_ok"; "Whether the last drill restored what it should."; .ok),
metric("drill_timestamp_seconds"; "When the last drill ended."; .time),
metric("drill_last_ok_timestamp_seconds"; "When the last drill ended that restored what it should."; .last_ok),
metric("drill_rpo_seconds"; "Seconds until a change was in the repository."; .rpo_seconds),
metric("drill_rto_seconds"; "Seconds until the restored database answered."; .rto_seconds)
