#!/usr/bin/env bash
# Packs the package, installs the tarball in a folder with a space and a `#` in its name, and does the main job with it.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
room=$(mktemp -d)/'a b#c'
mkdir -p "$room/work"
trap 'cd /; "$room/node_modules/.bin/orchestrate" stop --now -C "$room/work" >/dev/null 2>&1 || true; rm -rf "$(dirname "$room")"' EXIT

tarball=$(cd "$here" && npm pack --silent --pack-destination "$(dirname "$room")")
cd "$room"
printf '{"private":true,"type":"module"}\n' >package.json
npm install --no-audit --no-fund "$(dirname "$room")/$tarball" >/dev/null
orchestrate="$room/node_modules/.bin/orchestrate"

cd work
"$orchestrate" init >/dev/null
"$orchestrate" start
printf 'description: |\n  echo hello from a dropped file >hello.txt\n  cat hello.txt\npreferred_agent: shell\n' >tasks/pending/hello.yaml
for _ in $(seq 100); do [ -e tasks/completed/hello.yaml ] && break; sleep 0.1; done
"$orchestrate" status
"$orchestrate" stop
grep -q 'hello from a dropped file' context/agent_outputs/hello_output.md
grep -q 'status: success' tasks/completed/hello_result.yaml
"$orchestrate" demo --clean
node --input-type=module -e 'import { TaskQueue, TaskDistributor, AgentProcess, ContextManager } from "agent-maildir"
for (const one of [TaskQueue, TaskDistributor, AgentProcess, ContextManager]) if (typeof one !== "function") process.exit(1)'
echo 'the tarball works'
