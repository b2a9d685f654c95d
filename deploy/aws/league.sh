#!/usr/bin/env bash
# league.sh: a hobby league on one plain machine, which ends itself when nobody uses it. Its user data:
#
#   league.sh start     install the programs, bring the league up at each boot, and watch it
#   league.sh idle      stop the machine when the league was idle for LEAGUE_IDLE_MINUTES; a timer calls it
#
# LEAGUE_ENVIRONMENT (connect_four), LEAGUE_WORKERS (1), LEAGUE_IDLE_MINUTES (60; 0: never),
# LEAGUE_PACKAGES (a folder or s3:// prefix with our wheels), LEAGUE_PORT of the pages (50080). Nobody can
# connect to the machine: the ports are those of 127.0.0.1, and reached through Systems Manager.
set -euo pipefail

STATE=${LEAGUE_STATE:-/var/lib/trainingrun-league} PROGRAMS=${LEAGUE_PROGRAMS:-/opt/trainingrun/bin}
NOTES=${LEAGUE_NOTES:-/run/trainingrun-league} UNITS=${LEAGUE_UNITS:-/etc/systemd/system}
ACCOUNT=trainingrun
say() { printf '%s league: %s\n' "$(date -u +%H:%M:%S)" "$*"; }
fail() { printf 'league: %s\n' "$*" >&2; exit 2; }

whole() { # NAME VALUE LEAST MOST
  if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
    fail "$1='$2': give a whole number from $3 to $4"
  fi
}

read_settings() {
  if [ "$1" != start ]; then
    [ -r "$STATE/machine.env" ] || fail "$STATE/machine.env is not there: run 'league.sh start' first"
    local line
    while IFS= read -r line; do export "${line?}"; done <"$STATE/machine.env"
  fi
  ENVIRONMENT=${LEAGUE_ENVIRONMENT:-connect_four} WORKERS=${LEAGUE_WORKERS:-1}
  IDLE=${LEAGUE_IDLE_MINUTES:-60} PORT=${LEAGUE_PORT:-50080}
  [[ $ENVIRONMENT =~ ^[A-Za-z0-9_.:-]{1,100}$ ]] || fail "LEAGUE_ENVIRONMENT='$ENVIRONMENT': give the name of a game, such as connect_four"
  whole LEAGUE_WORKERS "$WORKERS" 0 64; whole LEAGUE_IDLE_MINUTES "$IDLE" 0 10080; whole LEAGUE_PORT "$PORT" 1024 65535
}

install_programs() {
  [ ! -x "$PROGRAMS/trainingrun" ] || return 0
  local wheels=${LEAGUE_PACKAGES:-} python
  [ -n "$wheels" ] || fail "$PROGRAMS/trainingrun is not there: give LEAGUE_PACKAGES (a folder or s3:// prefix with our wheels)"
  python=$(command -v python3.13 || command -v python3.12 || command -v python3.11 || true)
  if [ -z "$python" ]; then
    dnf install -q -y python3.11 >&2 || fail "Python 3.11 cannot be installed: take a machine image that has it"
    python=$(command -v python3.11)
  fi
  if [[ $wheels == s3://* ]]; then
    aws s3 cp --only-show-errors --recursive "$wheels" "$STATE/packages" || fail "$wheels cannot be read: put the wheels there, and see the machine's rights"
    wheels=$STATE/packages
  fi
  say "installing the programs from $wheels"
  # Without the trainer: models are trained elsewhere, and torch would not fit a small machine.
  if ! { "$python" -m venv "${PROGRAMS%/bin}" && "$PROGRAMS/pip" install --quiet --find-links "$wheels" \
    -c "$wheels/constraints.txt" 'trainingrun[league]' trainingrun-league 'trainingrun-actor[search]' psutil; }; then
    rm -rf "${PROGRAMS%/bin}"
    fail "the programs could not be installed: the lines above say why; nothing of them is left here"
  fi
}

write_units() {
  local up="$PROGRAMS/trainingrun league up --environment $ENVIRONMENT --workers $WORKERS --web-port $PORT --usual-ports --state $STATE/data"
  cat >"$UNITS/trainingrun-league.service" <<EOF
[Unit]
Description=A league of TrainingRun
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
User=$ACCOUNT
ExecStart=$up
ExecStop=$PROGRAMS/trainingrun league down --state $STATE/data
TimeoutStartSec=300
[Install]
WantedBy=multi-user.target
EOF
  cat >"$UNITS/trainingrun-league-idle.service" <<EOF
[Unit]
Description=Stop this machine when its league is idle
[Service]
Type=oneshot
ExecStart=$STATE/league.sh idle
EOF
  cat >"$UNITS/trainingrun-league-idle.timer" <<EOF
[Unit]
Description=Watch whether the league is used
[Timer]
OnBootSec=5min
OnUnitActiveSec=1min
[Install]
WantedBy=timers.target
EOF
}

start() {
  [ "$(id -u)" = 0 ] || fail "run this verb as root"
  mkdir -p "$STATE/data"
  install -m 0755 "$0" "$STATE/league.sh"
  local name
  for name in LEAGUE_ENVIRONMENT LEAGUE_WORKERS LEAGUE_IDLE_MINUTES LEAGUE_PORT; do
    [ -z "${!name:-}" ] || printf '%s=%s\n' "$name" "${!name}"
  done >"$STATE/machine.env"
  install_programs
  id "$ACCOUNT" >/dev/null 2>&1 || useradd --system --home-dir "$STATE/data" --shell /sbin/nologin "$ACCOUNT"
  chown -R "$ACCOUNT:" "$STATE/data"
  write_units
  systemctl daemon-reload
  systemctl enable --now trainingrun-league.service trainingrun-league-idle.timer
  say "the league of $ENVIRONMENT is up; idle for $IDLE minutes, the machine stops"
}

# What changes when somebody uses the league; "busy" while something is open. A league that gives no answer
# is of use to nobody: it counts as idle.
signature() {
  local told
  told=$("$PROGRAMS/trainingrun" league status --state "$STATE/data" -o json 2>/dev/null) || { echo "no answer"; return; }
  "$PROGRAMS/python" -c '
import json, sys
told = json.load(sys.stdin)
queue = told["queue"]
open = [queue[each] for each in ("waiting_players", "open_matches", "leased_matches")]
print("busy" if any(open) else json.dumps([told["models"], queue["reported_matches"]]))' <<<"$told"
}


idle() {
  [ "$IDLE" != 0 ] || return 0
  mkdir -p "$NOTES"
  local now seen before since
  now=$(date +%s) seen=$(signature)
  before=$(sed -n 1p "$NOTES/seen" 2>/dev/null || true) since=$(sed -n 2p "$NOTES/seen" 2>/dev/null || true)
  if [ "$seen" = busy ] || [ "$seen" != "$before" ] || [ -z "$since" ]; then
    printf '%s\n%s\n' "$seen" "$now" >"$NOTES/seen"
  elif ((now - since >= 60 * 10#$IDLE)); then
    say "idle for $(((now - since) / 60)) minutes: the machine stops"
    rm -f "$NOTES/seen"
    ${LEAGUE_POWEROFF:-systemctl poweroff}
  fi
}

case ${1:-start} in
  start | idle) read_settings "${1:-start}"; "${1:-start}" ;;
  *) fail "what is '$1'? give start or idle" ;;
esac
