# The events of a drill, in words.
if .event == "canary" then "a canary is written; waiting until \(.segment) is archived"
elif .event == "archived" then "archived after \(.rpo_seconds) s"
elif .event == "start" and .backup then "restoring backup \(.backup)"
elif .event == "progress" then "\(.percent) %"
elif .event == "recovering" then "replaying WAL"
elif .event == "checking" then "checking what is restored"
elif .event == "done" then
    (.checks | to_entries[] | "\(.key): \(.value.note)"),
    if .ok then "green: RPO \(.rpo_seconds) s, RTO \(.rto_seconds) s"
    else "red: \(.reason)" end
else empty end
