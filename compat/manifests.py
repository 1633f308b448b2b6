#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manifests in deploy/kubernetes against the schemas of Kubernetes, as the npm package kubernetes-models ships
them: its types refuse unknown fields, its validators wrong values. And what no schema knows: that they fit together.
The files in deploy/compose as docker-compose reads them."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

from npm import packages_folder

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load_manifests():
    manifests = []
    for path in sorted(glob.glob(os.path.join(ROOT, "deploy/kubernetes/*.yaml"))):
        with open(path, encoding="utf-8") as file:
            manifests += [(os.path.basename(path), each) for each in yaml.safe_load_all(file)]
    return manifests


def module_of(manifest):
    group, _, version = manifest["apiVersion"].rpartition("/")
    return "/".join(["kubernetes-models", *([group] if group else []), version, manifest["kind"]])


def check_schemas(manifests, folder):
    """The errors of tsc and the validators; empty if there are none."""
    types, values = [], ["const problems = [];"]
    for i, (_, manifest) in enumerate(manifests):
        kind, text = manifest["kind"], json.dumps(manifest)
        types.append(f'import type {{ I{kind} as T{i} }} from "{module_of(manifest)}";\nexport const m{i}: T{i} = '
                     f'{text};')
        values.append(f'try {{ new (require("{module_of(manifest)}").{kind})({text}).validate(); }}'
                      f' catch (error) {{ problems.push("{kind}: " + error.message); }}')
    values.append('console.log(problems.join("\\n"));')
    with open(os.path.join(folder, "manifests.ts"), "w", encoding="utf-8") as file:
        file.write("\n".join(types))
    with open(os.path.join(folder, "manifests.js"), "w", encoding="utf-8") as file:
        file.write("\n".join(values))
    tsc = subprocess.run(["npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
                          "--moduleResolution", "nodenext", "manifests.ts"], cwd=folder, capture_output=True, text=True,
                          timeout=120)
    node = subprocess.run(["node", "manifests.js"], cwd=folder, capture_output=True, text=True, timeout=60)
    return (tsc.stdout + node.stdout + node.stderr).strip()


def pods_of(manifests):
    return [m for _, m in manifests if m["kind"] in ("StatefulSet", "Deployment")]


def check_fit(manifests):
    kinds = {(m["kind"], m["metadata"]["name"]): m for _, m in manifests}
    for workload in pods_of(manifests):
        pod = workload["spec"]["template"]
        labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ports = {port["name"] for port in container["ports"]}
        volumes = {v["name"] for v in pod["spec"].get("volumes", []) + [
            {"name": c["metadata"]["name"]} for c in workload["spec"].get("volumeClaimTemplates", [])]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        services = [m for _, m in manifests if m["kind"] == "Service"
                    and m["spec"]["selector"].items() <= labels.items()]
        assert services and all(port["targetPort"] in ports for s in services for port in s["spec"]["ports"])
        budgets = [m for _, m in manifests if m["kind"] == "PodDisruptionBudget"
                   and m["spec"]["selector"]["matchLabels"].items() <= labels.items()]
        assert len(budgets) == 1, workload["metadata"]["name"]
        drain = int(dict((e["name"], e.get("value")) for e in container.get("env", [])).get("RINGKV_SHUTDOWN_DRAIN") or
                    container["args"][container["args"].index("--shutdown-drain") + 1])
        assert drain + 20 < pod["spec"]["terminationGracePeriodSeconds"], "a kill would come before the end"
    target = kinds["HorizontalPodAutoscaler", "ringkv-cache"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in kinds
    for path in kinds["Ingress", "ringkv"]["spec"]["rules"][0]["http"]["paths"]:
        assert ("Service", path["backend"]["service"]["name"]) in kinds
    topology = kinds["ConfigMap", "ringkv-topology"]["data"]["cluster.conf"]
    nodes = re.findall(r"^node (\S+) shard \S+ host (\S+) ", topology, re.M)
    cluster = kinds["StatefulSet", "ringkv"]
    assert len(nodes) == cluster["spec"]["replicas"]
    for i, (name, host) in enumerate(nodes):
        assert name == f"ringkv-{i}", "the id of a node is the name of its pod"
        assert host == f"{name}.{cluster['spec']['serviceName']}.{cluster['metadata']['namespace']}.svc.cluster.local"


def check_protection(manifests):
    """Keys need a password, and the network policies admit only the intended clients."""
    policies = [m for _, m in manifests if m["kind"] == "NetworkPolicy"]
    for workload in pods_of(manifests):
        name, pod = workload["metadata"]["name"], workload["spec"]["template"]
        container = pod["spec"]["containers"][0]
        variables = {each["name"]: each for each in container["env"]}
        secrets = ["RINGKV_REQUIREPASS"] + (["RINGKV_MASTERAUTH"] if "RINGKV_CLUSTER_ENABLED" in variables else [])
        for secret in secrets:
            assert "secretKeyRef" in variables[secret].get("valueFrom", {}), f"{name}: {secret} comes from a secret"
        mine = [m for m in policies if m["metadata"].get("namespace") == workload["metadata"].get("namespace")
                and m["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()]
        assert any(m["spec"]["policyTypes"] == ["Ingress", "Egress"] for m in mine), name
        for policy in mine:
            for rule in policy["spec"]["ingress"]:
                assert all(peer.get("podSelector") or peer.get("namespaceSelector") for peer in rule["from"]), name
        hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        assert not hook or hook[0] == "entrypoint.sh", f"{name}: its hook has to say the password"
        assert "|| true" not in " ".join(hook), f"{name}: its hook fails unseen"


def check_compose_protection(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name}: {port} is open to others"
        if service["image"] == "ringkv":
            assert service["environment"]["RINGKV_REQUIREPASS_FILE"] == "/run/secrets/password", name
        assert service["secrets"], name


def check_entrypoint():
    """Server and tools read passwords from files; a missing file stops the start."""
    script = os.path.join(ROOT, "deploy/docker/entrypoint.sh")

    def run(path):
        return subprocess.run(["sh", script, "sh", "-c", "echo $RINGKV_REQUIREPASS $REDISCLI_AUTH"],
                              capture_output=True, text=True, check=False, timeout=20,
                              env={"PATH": os.environ["PATH"], "RINGKV_REQUIREPASS_FILE": path})

    with tempfile.NamedTemporaryFile("w") as file:
        assert run(file.name).returncode == 1, "an empty password is none"
        file.write("secret\n")
        file.flush()
        assert run(file.name).stdout == "secret secret\n"
    assert "is missing or empty" in run("/nonexistent").stderr


def check_compose():
    folder = os.path.join(ROOT, "deploy/compose")
    for name in ("single.yaml", "cluster.yaml"):
        done = subprocess.run(["docker-compose", "-f", name, "config"], cwd=folder, capture_output=True, text=True,
                              check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        services = yaml.safe_load(done.stdout)["services"]
        check_compose_protection(services)
        mounts = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
        assert all(os.path.exists(mount) for mount in mounts if mount.startswith("/")), mounts
    nodes = {name: service["environment"]["RINGKV_CLUSTER_NODE_ID"] for name,
             service in services.items() if name != "haproxy"}
    with open(os.path.join(folder, "cluster.conf"), encoding="utf-8") as file:
        topology = re.findall(r"^node (\S+) shard \S+ host (\S+) ", file.read(), re.M)
    assert nodes == {host: node for node, host in topology}, nodes


def main():
    check_compose()
    folder = packages_folder()
    manifests = load_manifests()
    assert len(manifests) > 8
    problems = check_schemas(manifests, folder)
    assert not problems, problems
    misspelt = json.loads(json.dumps(pods_of(manifests)[0]).replace("readinessProbe", "readynessProbe"))
    assert "readynessProbe" in check_schemas([("", misspelt)], folder), "a wrong field has to be found"
    wrong = json.loads(json.dumps(pods_of(manifests)[0]))
    wrong["spec"]["replicas"] = "six"
    assert check_schemas([("", wrong)], folder), "a wrong value has to be found"
    check_fit(manifests)
    check_protection(manifests)
    check_entrypoint()
    print(f"{len(manifests)} manifests agree with Kubernetes' schemas, and with each other; so do those of compose")
    return 0


if __name__ == "__main__":
    sys.exit(main())
