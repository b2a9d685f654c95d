#!/usr/bin/env bash
# startup.sh: makes a plain machine a member of a training: its user data, and what runs afterwards.
#
#   startup.sh [start]       set the machine up, start its role, register; again: start what is missing
#   startup.sh status        what runs, and where
#   startup.sh stop          end the role in good order, and do not start it again by itself
#   startup.sh leave         the same because the machine goes: bounded in time, state is kept elsewhere
#   startup.sh watch | keep NAME | member NAME       what the supervisor calls
#
# Everything is set by TRAININGRUN_* variables; docs/guides/aws.md has the list. `start` keeps them in
# STATE/machine.env, where the other verbs find them. Needs bash, curl, and flock, setpriv, setsid
# (util-linux); the aws program where s3:// is named or the instance should be tagged.
#
# Started by root, roles run under an account of their own, which may write to STATE/data and nowhere
# else in STATE: what root runs and reads (this script, machine.env, locks, logs) is out of its reach.
#
# On a spot notice (IMDSv2) daemons begin no more games and end those that run, the learner trains
# what is queued and writes a checkpoint, and all is over within TRAININGRUN_NOTICE_SECONDS.
set -euo pipefail

PROGRAM=startup
# Older aws programs know only the second name.
[ -z "${AWS_REGION:-}" ] || export AWS_DEFAULT_REGION=$AWS_REGION
say() { printf '%s %s: %s\n' "$(date -u +%H:%M:%S)" "$PROGRAM" "$*"; }
fail() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; exit 2; }

# --- AWS, with its errors in plain words -----------------------------------------------------------

# explain_aws ERROR-TEXT: what went wrong and what to do, from the codes that the aws program prints.
explain_aws() {
  case $1 in
    *'Unable to locate credentials'* | *NoCredentials*)
      echo "there are no AWS credentials: give the instance the profile that Terraform makes, or run 'aws configure'" ;;
    *ExpiredToken* | *RequestExpired* | *'Token has expired'*)
      echo "the AWS credentials have expired: sign in again (aws sso login), and see that the clock is right" ;;
    *InvalidClientTokenId* | *AuthFailure* | *SignatureDoesNotMatch* | *UnrecognizedClient*)
      echo "AWS does not know these credentials, or not in this region: compare 'aws sts get-caller-identity', and see that the region is enabled for the account" ;;
    *'You must specify a region'* | *NoRegion*)
      echo "no region is set: give AWS_REGION, for example AWS_REGION=eu-central-1" ;;
    *'Could not connect to the endpoint URL'* | *'Invalid endpoint'* | *'Could not resolve host'*)
      echo "the region's address is not reached: see that the region is spelt right (aws ec2 describe-regions), and that the subnet has a way out" ;;
    *VcpuLimitExceeded* | *MaxSpotInstanceCountExceeded* | *SpotInstanceCountExceeded*)
      echo "the account's quota of vCPUs does not allow it: ask for more in Service Quotas (EC2: Running On-Demand or All Spot Instance Requests), or take fewer or smaller machines" ;;
    *InsufficientInstanceCapacity* | *UnfulfillableCapacity* | *'no Spot capacity'*)
      echo "AWS has no such machine left in these zones now: name more instance types and zones, or try again later" ;;
    *SpotMaxPriceTooLow*)
      echo "the highest price is below the market's: leave it out, then the on-demand price is the limit" ;;
    *InvalidInstanceType* | *"for InstanceType"* | *'instance type'*'not supported'* | *Unsupported:*)
      echo "the instance type is not known or not offered there: look at 'aws ec2 describe-instance-type-offerings --location-type availability-zone'" ;;
    *InvalidAMIID* | *InvalidLaunchTemplate* | *InvalidSubnetID* | *InvalidGroup*)
      echo "a thing that was named does not exist in this region: take the names from 'terraform output' of the same region" ;;
    *NoSuchBucket*) echo "the bucket does not exist: take its name from 'terraform output bucket'" ;;
    *'(404)'* | *NoSuchKey*) echo "there is nothing at that address: see that the name is spelt right" ;;
    *UnauthorizedOperation* | *AccessDenied* | *'(403)'* | *Forbidden*)
      echo "the right to do it is missing: the policies that Terraform makes for the roles have it" ;;
    *'command not found'* | *'No such file or directory'*) echo "the program aws is missing: install the AWS CLI" ;;
    *) echo "AWS says: $(tail -n 1 <<<"$1")" ;;
  esac
}

# run_aws WHAT ARGUMENTS…: prints the answer; a failure becomes one sentence on standard error.
run_aws() {
  local what=$1 errors status=0
  shift
  errors=$(mktemp)
  AWS_PAGER='' timeout "${AWS_SECONDS:-600}" aws "$@" 2>"$errors" || status=$?
  [ "$status" != 124 ] || echo "no answer after ${AWS_SECONDS:-600} s" >>"$errors"
  [ "$status" = 0 ] || printf '%s: %s: %s\n' "$PROGRAM" "$what" "$(explain_aws "$(cat "$errors")")" >&2
  rm -f "$errors"
  return "$status"
}

# fetched ADDRESS FILE: a file of this machine, or a copy of an object in S3.
fetched() {
  case $1 in
    s3://*) run_aws "$1" s3 cp --only-show-errors "$1" "$2" >/dev/null ;;
    *) [ -r "$1" ] || { echo "startup: $1: there is no such file" >&2; return 1; }
       [ "$1" -ef "$2" ] || cp "$1" "$2" ;;
  esac
}

# --- Settings ----------------------------------------------------------------------------------

whole() { # NAME VALUE LEAST MOST
  if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
    fail "$1='$2': give a whole number from $3 to $4"
  fi
}

read_settings() {
  STATE=${TRAININGRUN_STATE:-/var/lib/trainingrun} DATA=${TRAININGRUN_STATE:-/var/lib/trainingrun}/data
  local line
  if [ "$1" != start ]; then
    [ -e "$STATE/machine.env" ] || fail "$STATE/machine.env: not there; run 'startup.sh start' first (TRAININGRUN_STATE names the folder)"
    [ -r "$STATE/machine.env" ] || fail "$STATE/machine.env cannot be read by $(id -un): run this verb as root"
    while IFS= read -r line; do export "${line?}"; done <"$STATE/machine.env"
  fi
  ROLE=${TRAININGRUN_ROLE:-} RUN=$STATE/run
  PROGRAMS=${TRAININGRUN_PROGRAMS:-/opt/trainingrun/bin}
  IMAGES=${TRAININGRUN_IMAGES:-} TAG=${TRAININGRUN_TAG:-0.1.0} KEEP=${TRAININGRUN_KEEP:-}
  COUNT=${TRAININGRUN_DAEMON_COUNT:-$(nproc)} FIRST_PORT=${TRAININGRUN_FIRST_PORT:-17171}
  GAMES=${TRAININGRUN_GAMES:-8} NOTICE_SECONDS=${TRAININGRUN_NOTICE_SECONDS:-90}
  POLL_SECONDS=${TRAININGRUN_POLL_SECONDS:-5} SUPERVISOR=${TRAININGRUN_SUPERVISOR:-}
  METADATA=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
  ACCOUNT=${TRAININGRUN_ACCOUNT:-trainingrun} SELF=$STATE/startup.sh
  [ -n "$SUPERVISOR" ] || { [ -d /run/systemd/system ] && SUPERVISOR=systemd || SUPERVISOR=plain; }
  find_account
}

check_settings() {
  local tool
  for tool in curl flock setpriv setsid tar; do
    command -v "$tool" >/dev/null || fail "the program $tool is missing: install curl, tar and util-linux"
  done
  case $ROLE in
    daemon) whole TRAININGRUN_DAEMON_COUNT "$COUNT" 1 512; whole TRAININGRUN_FIRST_PORT "$FIRST_PORT" 1024 65000
            whole TRAININGRUN_GAMES "$GAMES" 1 1000 ;;
    learner) [ -n "${TRAININGRUN_RUN:-}${TRAININGRUN_CONFIG:-}" ] || fail "TRAININGRUN_RUN is not set: give the TrainingRun (a YAML file, or s3://bucket/run.yaml)" ;;
    actor) [ -n "${TRAININGRUN_CONFIG:-}" ] || fail "TRAININGRUN_CONFIG is not set: give the run configuration (run.json of the learner's machine, or s3://…)" ;;
    '') fail "TRAININGRUN_ROLE is not set: give daemon, learner or actor" ;;
    *) fail "TRAININGRUN_ROLE='$ROLE': give daemon, learner or actor" ;;
  esac
  [ -z "${TRAININGRUN_CONFIG:-}" ] || [ -n "${TRAININGRUN_REDIS_URL:-}" ] ||
    fail "TRAININGRUN_REDIS_URL is not set: give the address of the run's Redis"
  [ -z "$IMAGES" ] || [ -z "${TRAININGRUN_RUN:-}" ] ||
    fail "TRAININGRUN_RUN and TRAININGRUN_IMAGES exclude one another: a whole run needs the installed programs"
  whole TRAININGRUN_NOTICE_SECONDS "$NOTICE_SECONDS" 20 110; whole TRAININGRUN_POLL_SECONDS "$POLL_SECONDS" 1 30
  [[ $ACCOUNT =~ ^[a-z_][a-z0-9_-]{0,31}$ ]] || fail "TRAININGRUN_ACCOUNT='$ACCOUNT': give the name of an account, in lower case"
  case $KEEP in
    "$DATA" | "$DATA"/*) fail "TRAININGRUN_KEEP='$KEEP': give a folder outside $DATA, where the role cannot write" ;;
  esac
  case $SUPERVISOR in systemd | plain) ;; *) fail "TRAININGRUN_SUPERVISOR='$SUPERVISOR': give systemd or plain" ;; esac
}

save_settings() {
  local name
  (
    umask 077
    for name in $(compgen -e | grep -E '^(TRAININGRUN_|AWS_(REGION|DEFAULT_REGION|EC2_METADATA_SERVICE_ENDPOINT|ENDPOINT_URL)$)'); do
      [[ ${!name} != *$'\n'* ]] || fail "$name holds a line break"
      printf '%s=%s\n' "$name" "${!name}"
    done >"$STATE/machine.env.new"
  )
  share "$STATE/machine.env.new"
  mv "$STATE/machine.env.new" "$STATE/machine.env"
}

# --- The role's account ------------------------------------------------------------------------

# Containers have an account of their own, and whoever is not root has only one.
has_account() { [ "$(id -u)" = 0 ] && [ "$ACCOUNT" != root ] && [ -z "$IMAGES" ]; }

# AS: the words before a command that runs it under the role's account.
find_account() {
  AS=()
  if has_account && id "$ACCOUNT" >/dev/null 2>&1; then
    AS=(setpriv --reuid "$(id -u "$ACCOUNT")" --regid "$(id -g "$ACCOUNT")" --init-groups --no-new-privs env "HOME=$DATA")
  fi
}

# make_folders: STATE of whoever runs this script, DATA of the role's account.
make_folders() {
  umask 022
  mkdir -p "$RUN" || fail "$STATE cannot be made: run it as root, or give another TRAININGRUN_STATE"
  { [ -O "$STATE" ] && [ -O "$RUN" ]; } ||
    fail "$STATE belongs to $(stat -c %U "$STATE"), who could replace what $(id -un) runs here: move it away, or give another TRAININGRUN_STATE"
  chmod go-w "$STATE" "$RUN"
}

make_account() {
  has_account || { mkdir -p "$DATA"; return; }
  id "$ACCOUNT" >/dev/null 2>&1 || useradd --system --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin "$ACCOUNT" ||
    fail "the account $ACCOUNT cannot be made: make it, or name another one with TRAININGRUN_ACCOUNT"
  find_account
  install -d -m 750 -o "$ACCOUNT" -g "$(id -gn "$ACCOUNT")" "$DATA"
  "${AS[@]}" test -r "$DATA" -a -x "$STATE" || fail "the account $ACCOUNT cannot enter $STATE: let others enter the folders above it (chmod o+x)"
}

# share FILE: the role may read a file of ours, and nobody else who is not root.
share() {
  ! has_account || { chgrp "$(id -gn "$ACCOUNT")" "$1" && chmod 640 "$1"; }
}

# --- The machine -------------------------------------------------------------------------------

metadata() { # PATH: the answer of the instance metadata service, version 2; 1: none, 4: not there
  local token status body
  token=$(curl -sf --noproxy '*' --max-time 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$METADATA/latest/api/token") || return 4
  body=$(curl -s --noproxy '*' --max-time 2 -w '\n%{http_code}' -H "X-aws-ec2-metadata-token: $token" "$METADATA/latest/meta-data/$1") || return 4
  status=${body##*$'\n'}
  case $status in 200) printf '%s' "${body%$'\n'*}" ;; 404) return 1 ;; *) return 4 ;; esac
}

address() {
  if [ -n "${TRAININGRUN_ADDRESS:-}" ]; then echo "$TRAININGRUN_ADDRESS"
  else metadata local-ipv4 || hostname -I | cut -d' ' -f1; fi
}

members() {
  local number
  case $ROLE in
    daemon) for ((number = 0; number < COUNT; number++)); do echo "daemon-$((FIRST_PORT + number))"; done ;;
    *) echo "$ROLE" ;;
  esac
}

install_programs() {
  [ -z "$IMAGES" ] || { image_tool >/dev/null; return; }
  local needed=trainingrun-$ROLE wheels=${TRAININGRUN_PACKAGES:-} packages=(trainingrun-daemon trainingrun-actor) python
  [ -z "${TRAININGRUN_RUN:-}" ] || needed=trainingrun
  [ ! -x "$PROGRAMS/$needed" ] || return 0
  [ -n "$wheels" ] || fail "$PROGRAMS/$needed is not there: give TRAININGRUN_PACKAGES (a folder or s3:// prefix with our wheels), TRAININGRUN_IMAGES, or an image of the machine that has it"
  python=$(find_python) || { command -v dnf >/dev/null && dnf install -q -y python3.11 >&2 && python=$(find_python); } ||
    fail "Python 3.11 or newer is missing: take a machine image that has it"
  case $wheels in
    s3://*) run_aws "$wheels" s3 cp --only-show-errors --recursive "$wheels" "$STATE/packages" >/dev/null || exit 2
            wheels=$STATE/packages ;;
  esac
  say "installing the programs from $wheels"
  [ "$ROLE" = daemon ] || packages+=('trainingrun[local]')
  if ! { "$python" -m venv "${PROGRAMS%/bin}" &&
    "$PROGRAMS/pip" install --quiet --find-links "$wheels" -c "$wheels/constraints.txt" "${packages[@]}"; }; then
    rm -rf "${PROGRAMS%/bin}"
    fail "the programs could not be installed: the lines above say why; nothing of them is left here"
  fi
  [ ! -d "$wheels/decks" ] || cp -r "$wheels/decks" "${PROGRAMS%/bin}/decks"
}

find_python() {
  local each
  for each in python3.11 python3.12 python3.13 python3; do
    ! "$each" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$each"; return; }
  done
  return 1
}

image_tool() {
  local tool
  for tool in docker podman; do ! command -v "$tool" >/dev/null || { echo "$tool"; return; }; done
  fail "neither docker nor podman is installed: take a machine image that has one, or give TRAININGRUN_PACKAGES"
}

prepare_files() {
  if [ -n "${TRAININGRUN_RUN:-}" ]; then
    bring_back
    fetched "$TRAININGRUN_RUN" "$STATE/run.yaml" || exit 2
    share "$STATE/run.yaml"
    grep -Eq '^ *spotNotice: *true' "$STATE/run.yaml" ||
      say "spec.checkpoint.spotNotice is not true: the checkpoint then comes with the end of the role, not before it"
  fi
  if [ -n "${TRAININGRUN_CONFIG:-}" ]; then
    fetched "$TRAININGRUN_CONFIG" "$STATE/run.json" || exit 2
    share "$STATE/run.json"
  fi
  rm -f "$STATE/daemon.token"
  if [ -n "${TRAININGRUN_DAEMON_TOKEN_FILE:-}" ]; then
    (umask 077; fetched "$TRAININGRUN_DAEMON_TOKEN_FILE" "$STATE/daemon.token") || exit 2
    share "$STATE/daemon.token"
  fi
  [ "${BASH_SOURCE[0]}" -ef "$SELF" ] || { cp "${BASH_SOURCE[0]}" "$SELF.new"; chmod 755 "$SELF.new"; mv "$SELF.new" "$SELF"; }
}

# What a run is besides its checkpoints (its identity, its Redis) lies in one small archive.
bring_back() {
  [ -n "$KEEP" ] && [ ! -d "$DATA/trainingrun" ] || return 0
  local found=$STATE/kept.tar.gz
  case $KEEP in
    s3://*) [ -n "$(run_aws "$KEEP" s3 ls "$KEEP/kept.tar.gz" || true)" ] || { say "nothing is kept at $KEEP yet"; return 0; } ;;
    *) [ -e "$KEEP/kept.tar.gz" ] || { say "nothing is kept at $KEEP yet"; return 0; } ;;
  esac
  fetched "$KEEP/kept.tar.gz" "$found" || exit 2
  "${AS[@]}" tar -xz -C "$DATA" trainingrun <"$found" || fail "$KEEP/kept.tar.gz is damaged: remove it to begin a new run"
  say "the run goes on from what was kept at $KEEP"
}

# Who the run is, once it has begun: a machine that vanishes without a notice has told no more, and the
# next one goes on from a checkpoint. Its Redis is left out, because an old one would contradict that.
keep_identity() {
  [ -n "$KEEP" ] && [ ! -e "$RUN/known" ] && compgen -G "$DATA/trainingrun/*/status.json" >/dev/null || return 0
  keep_elsewhere 60 --exclude='*/redis' && note known
}

# The role's own account reads its files, so that a link among them shows nothing of root's.
keep_elsewhere() { # SECONDS WORDS-FOR-TAR…
  [ -n "$KEEP" ] && [ -d "$DATA/trainingrun" ] || return 0
  "${AS[@]}" tar -cz -C "$DATA" --exclude='*/logs' --exclude='*/checkpoints' --exclude='*/tapes' \
    --exclude='*/live' "${@:2}" trainingrun >"$STATE/kept.new"
  case $KEEP in
    s3://*) AWS_SECONDS=$1 run_aws "$KEEP/kept.tar.gz: the run's state is not kept" \
              s3 cp --only-show-errors "$STATE/kept.new" "$KEEP/kept.tar.gz" || return 1 ;;
    *) mkdir -p "$KEEP" && cp "$STATE/kept.new" "$KEEP/kept.tar.gz.new" && mv "$KEEP/kept.tar.gz.new" "$KEEP/kept.tar.gz" ;;
  esac
  say "the run's state is kept at $KEEP"
}

# --- Members -----------------------------------------------------------------------------------

run_member() { # NAME: becomes that program, under the role's account
  has_account && [ ${#AS[@]} = 0 ] && fail "the account $ACCOUNT is not there: run 'startup.sh start' first"
  [ ${#AS[@]} = 0 ] || exec "${AS[@]}" bash "$SELF" member "$1"
  local program=trainingrun-$ROLE words=() image=$ROLE volume=()
  case $1 in
    daemon-*) words=(--host 0.0.0.0 --port "${1#daemon-}" --max-concurrent "$GAMES" --drain-seconds $((NOTICE_SECONDS - 20)))
              [ -z "${TRAININGRUN_DECKS:-}" ] || words+=(--decks "$TRAININGRUN_DECKS") ;;
    actor) words=(play) ;;
    learner) image=trainer
      if [ -n "${TRAININGRUN_RUN:-}" ]; then
        program=trainingrun
        words=(local -f "$STATE/run.yaml" --plain --state "$DATA/trainingrun" --report "$DATA/report")
        [ -z "${TRAININGRUN_DAEMONS:-}" ] || words+=(--daemons "$TRAININGRUN_DAEMONS")
        [ -z "${TRAININGRUN_DECKS:-}" ] || words+=(--decks "$TRAININGRUN_DECKS")
      fi ;;
  esac
  [ ! -e "$STATE/run.json" ] || export TRAININGRUN_CONFIG=$STATE/run.json
  [ ! -e "$STATE/run.json" ] || volume=(--volume "$STATE/run.json:/run.json:ro")
  # In the environment and on no command line, which every account of the machine sees.
  [ ! -e "$STATE/daemon.token" ] || TRAININGRUN_DAEMON_TOKEN=$(<"$STATE/daemon.token")
  [ -z "${TRAININGRUN_DAEMON_TOKEN:-}" ] || export TRAININGRUN_DAEMON_TOKEN
  export TRAININGRUN_MEMBER=${TRAININGRUN_MEMBER:-$(hostname)-$1}
  [ -n "$IMAGES" ] || cd "$DATA"
  if [ -z "$IMAGES" ]; then
    [ "$ROLE" != daemon ] || [ -n "${TRAININGRUN_DECKS:-}" ] || [ ! -d "${PROGRAMS%/bin}/decks" ] || words+=(--decks "${PROGRAMS%/bin}/decks")
    PATH=$PROGRAMS:$PATH exec setpriv --pdeathsig TERM "$PROGRAMS/$program" "${words[@]}"
  fi
  exec "$(image_tool)" run --rm --name "trainingrun-$1" --network host --read-only --tmpfs /tmp --cap-drop ALL \
    --security-opt no-new-privileges --stop-timeout "$((NOTICE_SECONDS - 15))" --env-file "$STATE/machine.env" \
    --env TRAININGRUN_CONFIG=/run.json --env TRAININGRUN_MEMBER --env TRAININGRUN_DAEMON_TOKEN \
    "${volume[@]}" \
    --entrypoint "$program" "$IMAGES-$image:$TAG" "${words[@]}"
}

# The plain supervisor: starts the program again unless it was told to end, is complete (0), was
# started wrongly (2), or has saved and goes (75). The lock says that somebody keeps it.
keep() {
  local child='' told='' code pause=1 begun
  exec 9>"$RUN/$1.lock"
  flock -w 2 9 || exit 0
  echo $$ >"$RUN/$1.pid"
  trap 'told=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' TERM INT
  while [ -z "$told" ]; do
    begun=$SECONDS
    bash "$SELF" member "$1" 9>&- &
    child=$! code=0
    wait "$child" || code=$?
    while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
    echo "$code" >"$RUN/$1.code"
    case $code in 0 | 2 | 75) say "$1 ended with $code"; break ;; esac
    [ -z "$told" ] || break
    ((SECONDS - begun < 60)) || pause=1
    say "$1 ended with $code; again in $pause s"
    child=''
    sleep "$pause" 9>&- & wait $! || true
    pause=$((pause < 30 ? pause * 2 : 60))
  done
}

# Those who ask share the lock: one of them is no supervisor to the other. A supervisor waits for them.
is_kept() { [ -e "$RUN/$1.lock" ] && ! flock -n -s "$RUN/$1.lock" true; }

write_unit() { # NAME VERB…
  local user=$ACCOUNT
  [ -z "$IMAGES" ] && [ "$1" != watch ] || user=root
  cat >"${TRAININGRUN_UNITS:-/etc/systemd/system}/trainingrun-$1.service" <<UNIT
[Unit]
Description=TrainingRun: $1
Wants=network-online.target
After=network-online.target

[Service]
User=$user
Environment=TRAININGRUN_STATE=$STATE
ExecStart=/usr/bin/env bash $SELF ${*:2}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2 75
SuccessExitStatus=75
# Only the first process hears the end: it ends the others in their order.
KillMode=mixed
TimeoutStopSec=$NOTICE_SECONDS
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
$([ "$user" = root ] || printf 'ProtectSystem=strict\nReadWritePaths=%s' "$DATA")

[Install]
WantedBy=multi-user.target
UNIT
}

# Until it has its lock, nobody could tell a supervisor that begins from one that has ended.
wait_for_supervisor() {
  local deadline=$((SECONDS + 30))
  until [ -e "$RUN/$1.pid" ] || is_kept "$1"; do
    ((SECONDS < deadline)) || fail "$1 does not start: the end of its log is $(tail -n 1 "$RUN/$1.log" 2>/dev/null)"
    sleep 0.05
  done
}

start_members() {
  local name
  if [ "$SUPERVISOR" = plain ]; then
    for name in $(members) watch; do
      is_kept "$name" && { say "$name runs already"; continue; }
      rm -f "$RUN/$name.code" "$RUN/$name.pid"
      if [ "$name" = watch ]; then setsid -f bash "$SELF" watch >>"$RUN/watch.log" 2>&1 </dev/null 9>&-
      else setsid -f bash "$SELF" keep "$name" >>"$RUN/$name.log" 2>&1 </dev/null 9>&-; fi
      wait_for_supervisor "$name"
      say "$name is started"
    done
    return
  fi
  for name in $(members); do write_unit "$name" member "$name"; done
  write_unit watch watch
  systemctl daemon-reload
  for name in $(members) watch; do
    systemctl enable --quiet --now "trainingrun-$name" || fail "trainingrun-$name does not start: journalctl -u trainingrun-$name"
  done
}

has_ended() {
  if [ "$SUPERVISOR" = plain ]; then
    if is_kept "$1"; then return 1; fi
  else # one that is about to end has not ended
    case $(systemctl is-active "trainingrun-$1" || true) in active | activating | deactivating | reloading) return 1 ;; esac
  fi
}

send_end() { # NAME TERM|KILL
  if [ "$SUPERVISOR" = plain ]; then
    is_kept "$1" || return 0
    local keeper child
    keeper=$(cat "$RUN/$1.pid")
    child=$(cat "/proc/$keeper/task/$keeper/children" 2>/dev/null || true)
    # shellcheck disable=SC2086 # several pids are meant to be split
    [ "$2" = TERM ] || kill -KILL $keeper $child 2>/dev/null || true
    [ "$2" = KILL ] || kill -TERM "$keeper" 2>/dev/null || true
  elif [ "$2" = TERM ]; then systemctl stop --no-block "trainingrun-$1"
  else systemctl kill --signal=KILL "trainingrun-$1" || true; fi
}

# end_members SECONDS: ends all at once; says which did not end by themselves in time.
end_members() {
  local name deadline=$((SECONDS + $1)) late=()
  for name in $(members); do send_end "$name" TERM; done
  for name in $(members); do
    until has_ended "$name" || ((SECONDS >= deadline)); do sleep 0.2; done
    has_ended "$name" || { send_end "$name" KILL; late+=("$name"); }
  done
  LATE=${late[*]}
}

# --- Registration ------------------------------------------------------------------------------

endpoints() {
  local here name list=()
  here=$(address)
  [[ $here != *:* ]] || here="[$here]"
  for name in $(members); do list+=("$here:${name#daemon-}"); done
  (IFS=,; echo "${list[*]}")
}

wait_for_daemons() {
  local name deadline=$((SECONDS + 120))
  for name in $(members); do
    until (exec 3<>"/dev/tcp/127.0.0.1/${name#daemon-}") 2>/dev/null; do
      ((SECONDS < deadline)) || fail "$name does not listen after 120 s: the end of its log is $(tail -n 1 "$RUN/$name.log" 2>/dev/null || echo "in journalctl -u trainingrun-$name")"
      ! [ -e "$RUN/$name.code" ] || [ "$(cat "$RUN/$name.code")" != 2 ] || fail "$name: $(grep -v ' startup: ' "$RUN/$name.log" | tail -n 1)"
      sleep 0.2
    done
  done
}

tag_instance() { # KEY VALUE
  local id
  command -v aws >/dev/null && id=$(metadata instance-id) || return 0
  AWS_SECONDS=20 run_aws "tagging $id" ec2 create-tags --resources "$id" --tags "Key=trainingrun:$1,Value=$2" ||
    say "the tag trainingrun:$1 is not set; the role runs all the same"
}

register() {
  [ "$ROLE" != daemon ] || wait_for_daemons
  if [ "$ROLE" = daemon ]; then
    endpoints >"$STATE/endpoints.new"; mv "$STATE/endpoints.new" "$STATE/endpoints"
    say "--daemons $(cat "$STATE/endpoints")"
    tag_instance endpoints "$(cut -c1-256 "$STATE/endpoints")"
  fi
  tag_instance state "running"
}

# --- Verbs -------------------------------------------------------------------------------------

start() {
  make_folders
  exec 9>"$STATE/start.lock"
  flock -w 300 9 || fail "another start is under way for five minutes: look at its log"
  check_settings
  install_programs
  make_account
  save_settings
  prepare_files
  rm -f "$RUN/leaving" "$RUN/left" "$RUN/known"
  start_members
  register
}

watch() {
  local notice code failures=0
  [ "$SUPERVISOR" != plain ] || { exec 9>"$RUN/watch.lock"; flock -w 2 9 || exit 0; echo $$ >"$RUN/watch.pid"; }
  trap 'exit 0' TERM INT
  while :; do
    code=0
    notice=$(metadata spot/instance-action) || code=$?
    case $code in
      0) say "spot notice: $notice"; leave 9>&-; exit 0 ;;
      1) failures=0; keep_identity || true ;;
      *) failures=$((failures + 1))
         keep_identity || true
         [ "$failures" != 6 ] || say "the instance metadata at $METADATA does not answer: no notice will be seen here" ;;
    esac
    sleep "$POLL_SECONDS" 9>&- & wait $! || true
  done
}

note() { date -u +%s.%N >"$RUN/$1.new" && mv "$RUN/$1.new" "$RUN/$1"; } # a moment, whole or not at all

leave() {
  local begun=$SECONDS left
  note leaving
  tag_instance state leaving 2>/dev/null &
  end_members $((NOTICE_SECONDS - 15))
  left=$((NOTICE_SECONDS - (SECONDS - begun)))
  keep_elsewhere $((left > 2 ? left - 1 : 1)) || true
  [ -z "$LATE" ] || say "killed, as they had not ended in time: $LATE"
  say "left after $((SECONDS - begun)) s; $([ -n "$LATE" ] && echo 'go on from the newest checkpoint' || echo 'everything had ended by itself')"
  note left
}

stop() {
  local name
  end_members "$NOTICE_SECONDS"
  [ "$SUPERVISOR" != plain ] || ! is_kept watch || kill "$(cat "$RUN/watch.pid")"
  if [ "$SUPERVISOR" = systemd ]; then
    systemctl disable --quiet --now trainingrun-watch
    for name in $(members); do systemctl disable --quiet "trainingrun-$name"; done
  fi
  keep_elsewhere 60 || true
  [ -z "$LATE" ] || fail "killed, as they had not ended in $NOTICE_SECONDS s: $LATE"
  say "stopped"
}

status() {
  local name ended=0
  for name in $(members); do
    if has_ended "$name"; then echo "$name: ended$([ ! -e "$RUN/$name.code" ] || echo ", code $(cat "$RUN/$name.code")")"; ended=1
    else echo "$name: runs"; fi
  done
  [ ! -e "$RUN/leaving" ] || echo "the machine is told to go"
  [ ! -e "$STATE/endpoints" ] || echo "--daemons $(cat "$STATE/endpoints")"
  return "$ended"
}

main() {
  local verb=${1:-start}
  case $verb in
    -h | --help) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    start | status | stop | leave | watch) [ $# -le 1 ] || fail "$verb takes no more words" ;;
    keep | member) [ $# = 2 ] || fail "$verb NAME: the name is missing" ;;
    *) fail "'$verb' is no verb: give start, status, stop, leave or --help" ;;
  esac
  read_settings "$verb"
  case $verb in member) run_member "$2" ;; *) "$verb" "${@:2}" ;; esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
