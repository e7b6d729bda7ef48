#!/bin/sh
# Runs a command as an agent and notes its start and its end in a file outside of the workspace, so that runs are counted by those
# who ran. Promises: one appended line each (O_APPEND), the command's own exit status; a run that is killed has a start and no end.
printf '%s %s start\n' "$ORCHESTRATE_TASK" "$ORCHESTRATE_ATTEMPT" >>"$LEDGER"
"$@"
status=$?
printf '%s %s stop %s\n' "$ORCHESTRATE_TASK" "$ORCHESTRATE_ATTEMPT" "$status" >>"$LEDGER"
exit "$status"
