#!/usr/bin/env bash
# Starts anew what has given up, and says so: every process in FATAL, with curl and jq. For cron, or a pager's button.
set -euo pipefail
socket=${PHD_SOCKET:-phd.sock}

# rpc METHOD [PARAMS]: the result, or the error on stderr and a failure
rpc() {
  jq -cn --arg method "$1" --argjson params "${2:-null}" '{jsonrpc: "2.0", id: 1, method: $method, params: ($params // {})}' |
    curl -sS --unix-socket "$socket" -d @- http://phd/ |
    jq -e 'if .error then error(.error.message) else .result end'
}

rpc status | jq -r '.[].processes[] | select(.state == "FATAL") | "\(.name)\t\(.reason)"' |
  while IFS=$'\t' read -r name reason; do
    echo "$name had given up: $reason"
    rpc start "$(jq -cn --arg name "$name" '{target: $name, timeout: 30}')" | jq -r '.results[] | "\(.name) is \(.state)"'
  done
