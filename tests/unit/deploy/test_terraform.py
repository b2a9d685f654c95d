"""Terraform: what it must promise wherever it is applied, read from the files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from trainingrun_reconciler.manifests.placement import SPOT

from deploy.terraform.check.configuration import FOLDERS, Part, _wrong, parsed, parts, wrong_in

OPEN = ("0.0.0.0/0", "::/0")


def of(terraform: Path, *types: str) -> Iterator[Part]:
    """All resources of these types, in all clouds."""
    for folder in FOLDERS:
        yield from (each for each in parts(terraform / folder) if each.type in types)


def blocks(terraform: Path, name: str) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Variables, outputs and the like: file, name, body."""
    for file in sorted(terraform.rglob("*.tf")):
        for entry in parsed(file).get(name, []):
            for key, body in entry.items():
                yield file, key, body


@pytest.mark.parametrize("folder", FOLDERS)
def test_fits_the_schemas_of_the_providers(folder: str) -> None:
    """Expect every block and attribute to be one of the provider's, and none missing."""
    assert wrong_in(folder) == []


def test_the_comparison_with_schemas_finds_mistakes() -> None:
    """Expect what is unknown, what is missing and what cannot be given to be named with a path."""
    inner = {"attributes": {"tokens": {"optional": True}}, "block_types": {}}
    block = {
        "attributes": {"name": {"required": True}, "arn": {"computed": True}},
        "block_types": {"metadata": {"block": inner}},
    }
    body = {"arn": "x", "colour": 1, "dynamic": [{"metadata": {"content": [{"token": "y"}]}}]}
    assert list(_wrong(body, block, "")) == [
        "arn cannot be given: the provider tells it",
        "colour is not known",
        "metadata.token is not known",
        "name is missing",
    ]


def test_variables_and_outputs_say_what_they_are(terraform: Path) -> None:
    """Expect a description of each, and the type of each variable."""
    variables = list(blocks(terraform, "variable"))
    assert len(variables) > 100
    for file, name, body in variables:
        assert body.get("description"), f"{file}: {name}"
        assert body.get("type"), f"{file}: {name}"
    for file, name, body in blocks(terraform, "output"):
        assert body.get("description"), f"{file}: {name}"


def test_variables_of_users_are_checked_with_plain_messages(terraform: Path) -> None:
    """Expect sentences, and no root variable of free form without a check."""
    free = {"nat_per_zone", "force_destroy", "tags", "labels", "elasticache", "daemon_spot"}
    free |= {"learner_spot", "deletion_protection", "run_key", "learner_instance_type", "zones"}
    free |= {"system_instance_types", "system_machine_type", "learner_machine_type"}
    free |= {"learner_gpu", "daemon_machine_type", "system_vm_size", "daemon_vm_size"}
    free |= {"league", "service_instance_types", "database_instance_class", "database_multi_az"}
    for file, name, body in blocks(terraform, "variable"):
        if "modules" in file.parts:
            continue
        checks = body.get("validation", [])
        assert checks or name in free, f"{file}: {name}"
        for check in checks:
            assert re.match(r"[A-Z].*[.)]$", check["error_message"]), f"{file}: {name}"


def test_versions_are_pinned(terraform: Path) -> None:
    """Expect each folder with resources to name its providers with a version that stays."""
    for folder in {each.file.parent for name in FOLDERS for each in parts(terraform / name)}:
        (entry,) = parsed(folder / "versions.tf")["terraform"]
        assert entry["required_version"]
        for name, each in entry["required_providers"][0].items():
            assert each["version"].startswith("~> "), f"{folder}: {name}"


def test_the_bucket_of_aws_is_closed_encrypted_and_versioned(terraform: Path) -> None:
    """Expect each of the bucket's guards, and requests without TLS to be refused."""
    storage = {each.type: each.body for each in parts(terraform / "aws" / "modules" / "storage")}
    versioning = storage["aws_s3_bucket_versioning"]["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    closed = storage["aws_s3_bucket_public_access_block"]
    guards = ("block_public_acls", "block_public_policy", "ignore_public_acls")
    assert all(closed[each] is True for each in (*guards, "restrict_public_buckets"))
    (rule,) = storage["aws_s3_bucket_server_side_encryption_configuration"]["rule"]
    assert rule["apply_server_side_encryption_by_default"]
    assert len(storage["aws_s3_bucket_lifecycle_configuration"]["rule"]) == 2
    tls = next(e for e in parts(terraform / "aws" / "modules" / "storage") if e.name == "tls_only")
    (statement,) = tls.body["statement"]
    assert statement["effect"] == "Deny"
    assert statement["condition"][0]["variable"] == "aws:SecureTransport"


def test_the_bucket_of_google_is_closed_and_versioned(terraform: Path) -> None:
    """Expect no way to make it public, and old versions to be kept for a while."""
    (bucket,) = of(terraform, "google_storage_bucket")
    assert bucket.body["public_access_prevention"] == "enforced"
    assert bucket.body["uniform_bucket_level_access"] is True
    assert bucket.body["versioning"] == [{"enabled": True}]


def test_instances_ask_for_tokens_and_have_encrypted_disks(terraform: Path) -> None:
    """Expect IMDSv2 everywhere, within one hop, and every disk encrypted."""
    found = list(of(terraform, "aws_launch_template", "aws_instance"))
    assert len(found) == 5
    for each in found:
        if "launch_template" in each.body:
            continue  # it has what the template says
        (options,) = each.body["metadata_options"]
        assert options["http_tokens"] == "required", each.address
        assert options["http_put_response_hop_limit"] == 1, each.address
        disks = [disk["ebs"][0] for disk in each.body.get("block_device_mappings", [])]
        disks += each.body.get("root_block_device", [])
        assert disks, each.address
        assert all(disk["encrypted"] is True for disk in disks), each.address


def test_nothing_is_open_to_the_world(terraform: Path) -> None:
    """Expect no rule that lets anybody in, and no security group with rules of its own; from
    outside the VPC only the networks that players of a league are said to be in."""
    rules = list(of(terraform, "aws_vpc_security_group_ingress_rule"))
    assert len(rules) == 7
    for each in rules:
        if "referenced_security_group_id" in each.body:
            assert "cidr_ipv4" not in each.body, each.address
        elif each.address.endswith("ingress_rule.public"):
            assert each.body["cidr_ipv4"] == "${each.value.cidr}"
        else:
            assert each.body["cidr_ipv4"] == "${var.vpc_cidr}", each.address
    for each in of(terraform, "aws_security_group", "aws_default_security_group"):
        assert "ingress" not in each.body, each.address
    for each in of(terraform, "google_compute_firewall", "azurerm_network_security_rule"):
        assert not set(OPEN) & set(json.dumps(each.body).split('"')), each.address


def test_the_three_tiers_of_a_league(terraform: Path) -> None:
    """Expect players at the public ports, and PostgreSQL for the services alone, over TLS."""
    rules = {
        each.address.rpartition(".")[2]: each.body
        for each in of(terraform, "aws_vpc_security_group_ingress_rule")
        if each.file.parent.name == "league"
    }
    assert rules["public"]["security_group_id"] == '${aws_security_group.tier["public"].id}'
    assert "local.public_ports" in rules["public"]["for_each"]
    assert "private" not in rules["public"]["for_each"]
    private = rules["from_public"]
    assert private["for_each"] == "${local.public_ports}"
    assert private["referenced_security_group_id"] == '${aws_security_group.tier["public"].id}'
    services = '${aws_security_group.tier["private"].id}'
    assert rules["database"]["referenced_security_group_id"] == services
    (database,) = of(terraform, "aws_db_instance")
    assert database.body["publicly_accessible"] is False
    assert database.body["storage_encrypted"] is True
    (parameters,) = of(terraform, "aws_db_parameter_group")
    assert {"name": "rds.force_ssl", "value": "1"} in parameters.body["parameter"]


def test_redis_has_tls_a_password_and_evicts_nothing(terraform: Path) -> None:
    """Expect what spec.redis asks of a Redis."""
    (group,) = of(terraform, "aws_elasticache_replication_group")
    assert group.body["transit_encryption_enabled"] is True
    assert group.body["at_rest_encryption_enabled"] is True
    assert group.body["auth_token"] == "${random_password.this.result}"
    (parameters,) = of(terraform, "aws_elasticache_parameter_group")
    assert {"name": "maxmemory-policy", "value": "noeviction"} in parameters.body["parameter"]


def test_rights_name_what_they_are_for(terraform: Path) -> None:
    """Expect no statement with all actions, and all resources only where there is a condition or
    only looking."""
    for each in of(terraform, "aws_iam_policy_document"):
        for statement in each.body.get("statement", []):
            if statement.get("effect") == "Deny":
                continue
            actions = statement["actions"]
            assert "*" not in json.dumps(actions), each.address
            if statement.get("resources") == ["*"]:
                looks = all(":Describe" in action or ":Get" in action for action in actions)
                assert looks or statement.get("condition"), each.address


def test_a_learner_in_the_cluster_reaches_the_folder_of_its_run_alone(terraform: Path) -> None:
    """Expect a role and a policy for each run, given to the learner's account and no other."""
    cluster = {
        (each.type, each.name): each.body
        for each in parts(terraform / "aws" / "modules" / "cluster")
    }
    association = cluster["aws_eks_pod_identity_association", "learner"]
    assert association["service_account"] == '${split("/", each.key)[1]}-learner'
    assert association["for_each"] == "${aws_iam_role.learner}"
    assert association["role_arn"] == "${each.value.arn}"
    storage = {
        (each.type, each.name): each.body
        for each in parts(terraform / "aws" / "modules" / "storage")
    }
    rights = storage["aws_iam_policy_document", "learner"]
    assert rights["for_each"] == "${var.learners}"
    by_name = {each["sid"]: each for each in rights["statement"]}
    assert by_name["OwnPrefix"]["resources"] == ["${aws_s3_bucket.this.arn}/${each.value}/*"]
    assert by_name["SeeOwnPrefix"]["condition"][0]["values"] == ["${each.value}/*", "${each.value}"]
    (call,) = [
        body
        for file, name, body in blocks(terraform, "module")
        if name == "storage" and file.parent.name == "eks"
    ]
    assert call["learners"] == '${{for each in var.runs : each => "${var.prefix}/${each}"}}'


def test_spot_nodes_have_taints_that_the_operator_tolerates(terraform: Path) -> None:
    """Expect each cloud's taint of spot nodes to be one of those that pods of ours tolerate."""
    text = {
        folder: "\n".join(each.read_text() for each in (terraform / folder).rglob("*.tf"))
        for folder in FOLDERS
    }
    tolerated = dict(SPOT)
    assert '"karpenter.sh/capacity-type" = "spot"' in text["aws"]
    (pool,) = of(terraform, "google_container_node_pool")
    dynamic = pool.body["node_config"][0]["dynamic"]
    (content,) = next(each["taint"]["content"] for each in dynamic if "taint" in each)
    assert tolerated[content["key"]] == content["value"]
    daemons = next(
        each
        for each in of(terraform, "azurerm_kubernetes_cluster_node_pool")
        if each.name == "daemons"
    )
    (words,) = daemons.body["node_taints"]
    key, _, value = words.partition(":")[0].partition("=")
    assert tolerated[key] == value
    assert tolerated["karpenter.sh/capacity-type"] == "spot"


def test_instance_types_of_aws_exist(terraform: Path) -> None:
    """Expect every default to be a type that the EC2 of the pinned SDK knows, and the spot nodes'
    to be several of one size."""
    known = set(Session().get_service_model("ec2").shape_for("InstanceType").enum)
    for file, name, body in blocks(terraform / "aws", "variable"):
        if "instance_type" in name and body.get("default"):
            default = body["default"]
            types = default if isinstance(default, list) else [default]
            assert set(types) <= known, f"{file}: {name}"


def test_outputs_that_the_guides_name_are_there(terraform: Path) -> None:
    """Expect the outputs by which the next command is fed."""
    found = {(file.parent.name, name) for file, name, _ in blocks(terraform, "output")}
    servers = {"daemon_endpoints", "daemon_endpoint_list", "bucket", "storage", "learner"}
    assert {("servers", each) for each in servers} <= found
    cluster = {"kubeconfig", "bucket", "storage", "registry", "repositories", "redis_url"}
    assert {("eks", each) for each in cluster} <= found
    assert {("gcp", "kubeconfig"), ("gcp", "storage"), ("azure", "kubeconfig")} <= found


@pytest.mark.needs("tofu")
def test_is_formatted(terraform: Path) -> None:
    """Expect the form that the tool itself gives."""
    tool = shutil.which("tofu") or shutil.which("terraform")
    assert tool is not None
    done = subprocess.run(
        [tool, "fmt", "-check", "-recursive", str(terraform)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
