"""Deployment files and the reference of settings: they fit the program that they are for."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.address import MilvusAddress, read_address
from rag.cli import _parser
from rag.configuration import reference
from rag.settings import PLACES, Settings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "docs" / "deploy"


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    text = "\n".join(line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "leadgoose.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def grace_s() -> float:
    return Settings().serve_grace_s


def known_variables(assignments: list[str]) -> bool:
    names = {one.partition("=")[0] for one in assignments}
    settings = {f"RAG_{field.name.upper()}" for field in fields(Settings)} | PLACES
    return all(name in settings for name in names if name.startswith("RAG_"))


def test_the_reference_of_settings_is_up_to_date() -> None:
    kept = (ROOT / "docs" / "configuration.md").read_text()
    assert kept == reference(), "run: python -m rag.configuration > docs/configuration.md"
    assert len(re.findall(r"^\| `\w+` \| `RAG_\w+` \|", kept, re.MULTILINE)) == len(fields(Settings))


def test_the_image_is_pinned_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    instructions = dockerfile()
    last = {name: value for name, value in instructions}
    assert all(re.search(r":\d+\.\d+\.\d+-", value) for name, value in instructions if name == "FROM")
    assert last["USER"] == "10001:10001"
    assert "/health" in last["HEALTHCHECK"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    copied = [value.split()[:-1] for name, value in instructions if name == "COPY" and "--from" not in value]
    assert all((ROOT / path).exists() for paths in copied for path in paths)
    options = _parser().parse_args(json.loads(last["ENTRYPOINT"])[1:] + json.loads(last["CMD"]))
    assert (options.command, options.host, options.log_format) == ("serve", "0.0.0.0", "json")
    assert known_variables(shlex.split(last["ENV"]))


def test_nothing_is_sent_to_the_builder_but_what_is_copied() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = [value.split()[:-1] for name, value in dockerfile() if name == "COPY" and "--from" not in value]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {path for paths in copied for path in paths}


def test_the_composition_can_write_nothing_but_its_data_and_reach_nothing_outside() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service = composed["services"]["rag"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service["user"].startswith(("0", "root"))
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert composed["networks"]["inside"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert int(service["stop_grace_period"].rstrip("s")) > grace_s()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_unit_starts_what_there_is_and_lets_answers_end() -> None:
    found = unit()
    command = shlex.split(found["ExecStart"][0])
    assert command[0].endswith("/rag")
    options = _parser().parse_args(command[1:])
    assert (options.command, options.host) == ("serve", "127.0.0.1")
    assert known_variables(shlex.split(" ".join(found["Environment"])))
    assert float(found["TimeoutStopSec"][0]) > grace_s()
    for name in ("NoNewPrivileges", "DynamicUser", "PrivateTmp", "PrivateDevices", "ProtectHome"):
        assert found[name] == ["yes"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["CapabilityBoundingSet"] == [""]


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    import subprocess

    text = (DEPLOY / "leadgoose.service").read_text().replace("/opt/leadgoose/bin/rag", "/bin/true")
    (tmp_path / "leadgoose.service").write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "leadgoose.service")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    about = [line for line in checked.stderr.splitlines() if "leadgoose.service" in line]
    assert about == []


def manifests() -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}


def test_the_manifest_for_kubernetes_is_what_its_schemas_allow() -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for one in manifests().values():
        # The latest schemas that it brings; a field that they do not know is refused.
        validate.validate(one, validate.latest_version(), strict=True)


def test_replicas_run_as_nobody_keep_nothing_and_start_what_there_is() -> None:
    found = manifests()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == dict(dockerfile())["USER"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} == {"emptyDir", "secret"}
    assert container["resources"].keys() == {"requests", "limits"}
    options = _parser().parse_args(container["args"])
    assert (options.command, options.host) == ("serve", "0.0.0.0")
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > grace_s() + pause
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    for probe in ("readinessProbe", "startupProbe"):
        (code,) = container[probe]["exec"]["command"][2:]
        compile(code, probe, "exec")
        assert "/ready" in code
    assert known_variables([*found["ConfigMap"]["data"], *(one["name"] for one in container["env"])])


def test_the_tokens_are_where_the_service_of_that_library_looks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = manifests()
    variables = found["ConfigMap"]["data"]
    monkeypatch.setenv("RAG_STATE", variables["RAG_STATE"])
    place = read_address(variables["RAG_LIBRARY"])
    assert isinstance(place, MilvusAddress)
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (copying,) = pod["initContainers"]
    assert copying["command"][-1] == str(place.state / "tokens.json")
    assert copying["command"][-2] == "/secret/tokens.json"
    # The folder is made by the user that the service runs as, who keeps other things in it.
    assert all("subPath" not in mount for mount in pod["containers"][0]["volumeMounts"])
    assert {mount["mountPath"]: mount["name"] for mount in copying["volumeMounts"]}["/state"] == "state"


def test_all_that_scales_or_reaches_the_replicas_means_the_same_ones() -> None:
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    assert "replicas" not in found["Deployment"]["spec"]
    least = found["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert least > found["PodDisruptionBudget"]["spec"]["minAvailable"]
    (port,) = found["Service"]["spec"]["ports"]
    assert port["targetPort"] in [
        p["name"] for p in found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["ports"]
    ]
