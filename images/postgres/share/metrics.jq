# Prometheus text format.
def metric($name; $help; $value):
    if $value == null then empty
    else
        "# HELP tasktracker_\($name) \($help)",
        "# TYPE tasktracker_\($name) gauge",
        "tasktracker_\($name) \($value | if . == true then 1 elif . == false then 0 else . end)"
    end;
