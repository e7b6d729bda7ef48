# The agent of the soak. Each run appends `id attempt start|stop revision pid time` to $SOAK_LEDGER (O_APPEND, one write
# a line), outside the workspace. A shell task reads this file and calls `soak`; as a program (`claude` in config.yaml)
# it hands its prompt to the simulated agent. A half written task has no revision at its end, and so cannot hide.

ledger() {
  printf '%s %s %s %s %s %s\n' "$ORCHESTRATE_TASK" "$ORCHESTRATE_ATTEMPT" "$1" "$2" $$ "$(date +%s%3N)" >>"$SOAK_LEDGER"
}

soak() {
  case $1 in
  start | stop) ledger "$1" "$2" ;;
  sleep) sleep "$2" ;;
  fail) if [ "$ORCHESTRATE_ATTEMPT" -le "$2" ]; then exit 3; fi ;;
  print) head -c "$2" /dev/zero | tr '\0' 'x' | fold -w 4000 ;;
  line) head -c "$2" /dev/zero | tr '\0' 'y' ;;
  fork) setsid sleep 600 & ;;
  bare) env -i sleep 600 & ;;
  hold) sleep 600 & ;;
  deaf) trap '' INT TERM ;;
  hang) sleep 600 ;;
  esac
}

if [ "${0##*/}" = agent.sh ]; then
  case " $* " in *' --version '*) exec "$SOAK_NODE" "$SOAK_SIMULATED" --version ;; esac
  prompt=$ORCHESTRATE_WORKSPACE/.orchestrate/runs/$ORCHESTRATE_TASK/$ORCHESTRATE_ATTEMPT/prompt.md
  revision=$(sed -n 's/^REV \([0-9]*\) END$/\1/p' "$prompt" | head -n 1)
  ledger start "${revision:-half}"
  "$SOAK_NODE" "$SOAK_SIMULATED" "$@" || exit
  ledger stop "${revision:-half}"
fi
