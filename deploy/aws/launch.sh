#!/usr/bin/env bash
# launch.sh: starts daemon servers from a launch template: spot where there is most capacity, and on
# demand for what spot does not give. Terraform's `servers` variant makes the template.
#
#   launch.sh --template lt-0123 --subnets subnet-1,subnet-2,subnet-3 --count 4
#   launch.sh … --types c6i.4xlarge,c5.4xlarge --spot-only --wait 0
#   launch.sh --end                   # what was started with this script's tag, and its end
#
# AWS_REGION and credentials as for the aws program. Prints the line that `trainingrun local` takes,
# when the machines have told their endpoints (--wait SECONDS, default 600). Exit code 1: fewer
# machines than asked for; then it says which there are, and how to end them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=startup.sh
source "$(dirname "${BASH_SOURCE[0]}")/startup.sh"
PROGRAM=launch
say() { printf '%s\n' "$*"; }

TEMPLATE='' SUBNETS='' COUNT=1 TYPES=c6i.4xlarge,c5.4xlarge,c6a.4xlarge,m6i.4xlarge SPOT_ONLY='' WAIT=600 END=''
NAME=trainingrun-launch STARTED=()

read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
      --spot-only) SPOT_ONLY=1; shift; continue ;;
      --end) END=1; shift; continue ;;
      --template | --subnets | --count | --types | --wait) [ $# -ge 2 ] || fail "$1: its value is missing" ;;
      *) fail "'$1' is not known: launch.sh --help" ;;
    esac
    case $1 in
      --template) TEMPLATE=$2 ;; --subnets) SUBNETS=$2 ;; --count) COUNT=$2 ;; --types) TYPES=$2 ;; --wait) WAIT=$2 ;;
    esac
    shift 2
  done
  [ -z "$END" ] || return 0
  [[ $TEMPLATE =~ ^lt-[0-9a-f]+$ ]] || fail "--template '$TEMPLATE': give the id of a launch template (terraform output launch_template_id)"
  [[ $SUBNETS =~ ^subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*$ ]] || fail "--subnets '$SUBNETS': give subnet-…,subnet-… (terraform output subnet_ids)"
  [[ $TYPES =~ ^[a-z0-9-]+\.[a-z0-9-]+(,[a-z0-9-]+\.[a-z0-9-]+)*$ ]] || fail "--types '$TYPES': give instance types such as c6i.4xlarge,c5.4xlarge"
  whole --count "$COUNT" 1 200
  whole --wait "$WAIT" 0 3600
}

overrides() { # each type in each subnet, as JSON
  local type subnet pairs=()
  for type in ${TYPES//,/ }; do
    for subnet in ${SUBNETS//,/ }; do pairs+=("{\"InstanceType\":\"$type\",\"SubnetId\":\"$subnet\"}"); done
  done
  (IFS=,; printf '[%s]' "${pairs[*]}")
}

# ask KIND COUNT: adds what AWS gives to STARTED; what it refuses becomes a sentence.
ask() {
  local answer ids id errors
  answer=$(run_aws "starting $2 $1 machines" ec2 create-fleet --type instant \
    --target-capacity-specification "TotalTargetCapacity=$2,DefaultTargetCapacityType=$1" \
    --spot-options AllocationStrategy=capacity-optimized --on-demand-options AllocationStrategy=lowest-price \
    --launch-template-configs "[{\"LaunchTemplateSpecification\":{\"LaunchTemplateId\":\"$TEMPLATE\",\"Version\":\"\$Latest\"},\"Overrides\":$(overrides)}]" \
    --tag-specifications "ResourceType=instance,Tags=[{Key=Name,Value=$NAME}]" \
    --query "join('', ['ids:', join(',', Instances[].InstanceIds[] || \`[]\`), ' errors:', join('; ', Errors[].join(': ', [ErrorCode, ErrorMessage]) || \`[]\`)])" --output text) ||
    return 0
  ids=${answer%% errors:*} errors=${answer#* errors:}
  ids=${ids#ids:}
  for id in ${ids//,/ }; do STARTED+=("$id"); done
  [ -z "$errors" ] || printf 'launch: %s: %s\n' "$1" "$(explain_aws "$errors")" >&2
}

told_endpoints() {
  run_aws 'asking for endpoints' ec2 describe-instances --instance-ids "${STARTED[@]}" \
    --query "Reservations[].Instances[].Tags[?Key=='trainingrun:endpoints'].Value[]" --output text | tr '\t\n' ',,' | sed 's/,*$//'
}

wait_for_endpoints() {
  local told='' deadline=$((SECONDS + WAIT)) count=0
  while ((SECONDS < deadline)); do
    told=$(told_endpoints) || return 0
    count=$(run_aws 'counting machines' ec2 describe-instances --instance-ids "${STARTED[@]}" \
      --query "length(Reservations[].Instances[].Tags[?Key=='trainingrun:endpoints'][])" --output text) || return 0
    [ "$count" -lt "${#STARTED[@]}" ] || { say "--daemons $told"; return 0; }
    sleep 5
  done
  say "$count of ${#STARTED[@]} machines have told their endpoints after $WAIT s: ${told:-none}; look at /var/log/cloud-init-output.log of the others"
}

end_all() {
  local found
  found=$(run_aws 'looking for machines' ec2 describe-instances --filters "Name=tag:Name,Values=$NAME" \
    Name=instance-state-name,Values=pending,running,stopping,stopped --query 'Reservations[].Instances[].InstanceId' --output text) || exit 2
  [ -n "$found" ] || { say "no machine of this script is left"; return; }
  # shellcheck disable=SC2086 # several ids are meant to be split
  run_aws "ending $found" ec2 terminate-instances --instance-ids $found --query 'TerminatingInstances[].InstanceId' --output text >/dev/null || exit 2
  say "ended: $found"
}

launch() {
  read_words "$@"
  [ -z "$END" ] || { end_all; return; }
  ask spot "$COUNT"
  local missing=$((COUNT - ${#STARTED[@]}))
  if ((missing > 0)) && [ -z "$SPOT_ONLY" ]; then
    say "spot gives ${#STARTED[@]} of $COUNT machines; the others are asked for on demand"
    ask on-demand "$missing"
  fi
  if [ ${#STARTED[@]} = 0 ]; then fail "no machine was started, and nothing remains"; fi
  say "started: ${STARTED[*]}"
  if ((${#STARTED[@]} < COUNT)); then
    say "${#STARTED[@]} of $COUNT machines run and cost money; end them with: aws ec2 terminate-instances --instance-ids ${STARTED[*]}"
  fi
  [ "$WAIT" = 0 ] || wait_for_endpoints
  ((${#STARTED[@]} == COUNT))
}

launch "$@"
