#!/usr/bin/env bash
# validate.sh: has Terraform (or OpenTofu) itself check, plan and apply our files against stand-ins of
# the providers, which have their schemas and make nothing. Needs Go, and terraform or tofu; changes
# nothing outside a temporary folder. STANDIN may name a stand-in that was built before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
tool=$(command -v tofu || command -v terraform) || { echo "neither tofu nor terraform is installed" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${STANDIN:-}" ]; then
  command -v go >/dev/null || { echo "Go is not installed: it builds the stand-in of the providers" >&2; exit 2; }
  (cd standin && go build -trimpath -o "$work/standin" .)
  STANDIN=$work/standin
fi
mkdir "$work/providers" "$work/schemas"
{
  echo 'provider_installation {'
  echo '  dev_overrides {'
  for each in aws:aws google:gcp azurerm:azure random:random; do
    cp "$STANDIN" "$work/providers/terraform-provider-${each%:*}"
    cp "schemas/${each#*:}.json" "$work/schemas/${each%:*}.json"
    echo "    \"hashicorp/${each%:*}\" = \"$work/providers\""
  done
  printf '  }\n  direct {}\n}\n'
} >"$work/config.tfrc"
export TF_CLI_CONFIG_FILE=$work/config.tfrc STANDIN_SCHEMAS=$work/schemas TF_IN_AUTOMATION=1 TF_INPUT=0

# The servers' module reads startup.sh beside the Terraform.
mkdir -p "$work/deploy/terraform" && cp -r ../aws ../gcp ../azure "$work/deploy/terraform/"
cp -r ../../aws "$work/deploy/aws"

check() { # FOLDER VARIABLES…
  local folder=$work/deploy/terraform/$1
  shift
  "$tool" -chdir="$folder" get >/dev/null
  "$tool" -chdir="$folder" validate -no-color >"$work/validated" || { cat "$work/validated" >&2; exit 1; }
  "$tool" -chdir="$folder" apply -auto-approve -no-color "$@" >"$work/applied" || { tail -n 40 "$work/applied" >&2; exit 1; }
  echo "${folder##*terraform/}: valid; $(grep -E '^Apply complete' "$work/applied")"
  "$tool" -chdir="$folder" plan -detailed-exitcode -no-color "$@" >"$work/again" ||
    { tail -n 40 "$work/again" >&2; echo "$folder: a second apply would change something" >&2; exit 1; }
}

refused() { # FOLDER SENTENCE VARIABLES…
  local folder=$work/deploy/terraform/$1 sentence=$2
  shift 2
  if "$tool" -chdir="$folder" plan -no-color "$@" >"$work/refused" 2>&1; then echo "not refused: $*" >&2; exit 1; fi
  tr -s '│\n ' ' ' <"$work/refused" | grep -qF "$sentence" || { cat "$work/refused" >&2; exit 1; }
}

echo "with $("$tool" version | head -n 1):"
for folder in aws/servers aws/eks; do
  check "$folder" -var region=eu-central-1 -var budget_usd=500 -var budget_email=team@example.com
  refused "$folder" 'This is no region of AWS' -var region=europe
  refused "$folder" 'budget_usd needs budget_email' -var region=eu-central-1 -var budget_usd=5
done
check aws/eks -var region=eu-central-1 -var elasticache=true -var 'api_cidrs=["203.0.113.7/32"]'
check aws/eks -var region=eu-central-1 -var elasticache=true -var league=true -var 'player_cidrs=["203.0.113.0/24"]'
refused aws/eks 'Give networks such as' -var region=eu-central-1 -var 'player_cidrs=["anywhere"]'
refused aws/eks 'the whole internet' -var region=eu-central-1 -var 'api_cidrs=["0.0.0.0/0"]'
refused aws/eks 'one type alone is taken away all at once' -var region=eu-central-1 -var 'daemon_instance_types=["c5.large"]'
check aws/servers -var region=eu-central-1 -var num_daemon_servers=4 -var daemons_per_server=2
"$tool" -chdir="$work/deploy/terraform/aws/servers" output -raw daemon_endpoints; echo
check aws/servers -var region=eu-central-1 -var num_daemon_servers=0 -var learner_instance_type=null
refused aws/servers 'Take 0 to 200 daemon servers' -var region=eu-central-1 -var num_daemon_servers=-1
check aws/hobby -var region=eu-central-1 -var bucket=my-bucket -var idle_minutes=30
refused aws/hobby 'Take 0 to 10080 minutes' -var region=eu-central-1 -var bucket=my-bucket -var idle_minutes=-1
refused aws/hobby 'Give the name of a game' -var region=eu-central-1 -var bucket=my-bucket -var 'environment=a b'
check gcp -var project=my-project -var region=europe-west4 -var 'zones=["europe-west4-a"]' -var bucket=my-bucket
refused gcp 'without the letter of a zone' -var project=my-project -var region=europe-west4-a -var 'zones=["europe-west4-a"]' -var bucket=my-bucket
check azure -var subscription=00000000-0000-0000-0000-000000000000 -var location=westeurope -var registry=images \
  -var 'api_cidrs=["203.0.113.7/32"]' -var 'admin_groups=["00000000-0000-0000-0000-000000000000"]'
refused azure 'not its name' -var subscription=mine -var location=westeurope -var registry=images \
  -var 'api_cidrs=["203.0.113.7/32"]' -var 'admin_groups=["x"]'
