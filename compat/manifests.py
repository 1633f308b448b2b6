#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manifests in deploy/kubernetes against the schemas of Kubernetes, as the npm package kubernetes-models ships
them: its types refuse unknown fields, its validators wrong values. And what no schema knows: that they fit together,
and that servers start from them. The files in deploy/compose as docker-compose reads them, those of systemd and
HAProxy."""
import glob
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile

import redis
import yaml

from npm import packages_folder
from servers import RunningServer, eventually, free_ports, server_binary, start_ringkv
from tls_files import Certificates

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load_manifests():
    manifests = []
    for path in sorted(glob.glob(os.path.join(ROOT, "deploy/kubernetes/*.yaml"))):
        with open(path, encoding="utf-8") as file:
            manifests += [(os.path.basename(path), each) for each in yaml.safe_load_all(file)]
    return manifests


def module_of(manifest):
    group, _, version = manifest["apiVersion"].rpartition("/")
    package = "@kubernetes-models/cert-manager" if group == "cert-manager.io" else "kubernetes-models"
    return "/".join([package, *([group] if group else []), version, manifest["kind"]])


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


def workloads_of(manifests):
    return [m for _, m in manifests if m["kind"] in ("StatefulSet", "Deployment")]


def container_of(workload):
    return workload["spec"]["template"]["spec"]["containers"][0]


def pods_of(manifests):
    """Those of RingKV."""
    return [m for m in workloads_of(manifests) if container_of(m)["image"].startswith("ringkv:")]


def named(manifests, kind, name):
    return next(m for _, m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))


def check_fit(manifests):
    kinds = {(m["kind"], m["metadata"]["name"]): m for _, m in manifests}
    for workload in workloads_of(manifests):
        pod = workload["spec"]["template"]
        labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ports = {port["name"] for port in container["ports"]}
        volumes = {v["name"] for v in pod["spec"].get("volumes", []) + [
            {"name": c["metadata"]["name"]} for c in workload["spec"].get("volumeClaimTemplates", [])]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        for probe in ("livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        services = [m for _, m in manifests if m["kind"] == "Service"
                    and m["spec"]["selector"].items() <= labels.items()]
        assert services and all(port["targetPort"] in ports for s in services for port in s["spec"]["ports"])
        budgets = [m for _, m in manifests if m["kind"] == "PodDisruptionBudget"
                   and m["spec"]["selector"]["matchLabels"].items() <= labels.items()]
        assert len(budgets) == 1, workload["metadata"]["name"]
        if workload not in pods_of(manifests):
            continue
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


def connects_to_nodes(variables):
    return "RINGKV_CLUSTER_ENABLED" in variables or "RINGKV_COORDINATOR" in variables


def check_protection(manifests):
    """Keys need a password, and the network policies admit only the intended clients."""
    policies = [m for _, m in manifests if m["kind"] == "NetworkPolicy"]
    for workload in pods_of(manifests):
        name, pod = workload["metadata"]["name"], workload["spec"]["template"]
        container = pod["spec"]["containers"][0]
        variables = {each["name"]: each for each in container["env"]}
        secrets = ["RINGKV_REQUIREPASS"] + (["RINGKV_MASTERAUTH"] if connects_to_nodes(variables) else [])
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


def literals(container):
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def check_tls(manifests):
    """There is no port without TLS; the files are those that cert-manager puts into a secret, and it makes one for each
    workload, with the names by which its pods are reached."""
    certificates = {m["spec"]["secretName"]: m["spec"] for _, m in manifests if m["kind"] == "Certificate"}
    issuers = {m["metadata"]["name"]: m["spec"] for _, m in manifests if m["kind"] == "Issuer"}
    authorities = []
    for workload in pods_of(manifests):
        name, pod = workload["metadata"]["name"], workload["spec"]["template"]
        container, variables = pod["spec"]["containers"][0], literals(pod["spec"]["containers"][0])
        assert variables["RINGKV_PORT"] == "0" and variables["RINGKV_HTTP_TLS"] == "yes", name
        redis_port = next(port["containerPort"] for port in container["ports"] if port["name"] == "redis")
        assert variables["RINGKV_TLS_PORT"] == str(redis_port), name
        mount = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "tls")
        for option, file in (("CERT", "tls.crt"), ("KEY", "tls.key"), ("CA_CERT", "ca.crt")):
            assert variables[f"RINGKV_TLS_{option}_FILE"] == f"{mount}/{file}", name
        secret = next(volume["secret"] for volume in pod["spec"]["volumes"] if volume["name"] == "tls")
        certificate = certificates[secret["secretName"]]
        is_node = connects_to_nodes(variables)
        assert not is_node or variables["RINGKV_TLS_REPLICATION"] == "yes", name
        assert "RINGKV_CLUSTER_ENABLED" not in variables or variables["RINGKV_TLS_CLUSTER"] == "yes", name
        assert set(certificate["usages"]) == {"server auth", *(["client auth"] if is_node else [])}, name
        authority = issuers[certificate["issuerRef"]["name"]]["ca"]["secretName"]
        assert certificates[authority]["isCA"], name
        authorities.append(authority)
        for service in (m for _, m in manifests if m["kind"] == "Service"
                        and m["spec"]["selector"].items() <= pod["metadata"]["labels"].items()):
            start = "*." if service["spec"].get("clusterIP") == "None" else ""
            host = f"{start}{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
            assert host in certificate["dnsNames"], (name, host)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["scheme"] == "HTTPS", name
        assert pod["metadata"]["annotations"]["prometheus.io/scheme"] == "https", name
    authorities.append(check_tls_of_etcd(manifests, certificates, issuers))
    assert len(set(authorities)) == len(authorities), "who may be a node of one is no matter of the others"


def check_tls_of_etcd(manifests, certificates, issuers):
    """Its members believe each other and the nodes by certificates of an authority of their own, which is returned."""
    etcd, shard = named(manifests, "StatefulSet", "ringkv-etcd"), named(manifests, "StatefulSet", "ringkv-shop")
    values, service = literals(container_of(etcd)), etcd["spec"]["serviceName"]
    for kind in ("", "PEER_"):
        assert values[f"ETCD_{kind}CLIENT_CERT_AUTH"] == "true"
        for option, file in (("CERT_FILE", "tls.crt"), ("KEY_FILE", "tls.key"), ("TRUSTED_CA_FILE", "ca.crt")):
            assert values[f"ETCD_{kind}{option}"] == f"/etc/etcd-tls/{file}"
    for option, file in (("CERT", "tls.crt"), ("KEY", "tls.key"), ("CA_CERT", "ca.crt")):
        assert literals(container_of(shard))[f"RINGKV_COORDINATOR_{option}_FILE"] == f"/etc/etcd-tls/{file}"
    secrets = {workload["metadata"]["name"]: next(
        volume["secret"]["secretName"] for volume in workload["spec"]["template"]["spec"]["volumes"]
        if "etcd" in volume["secret"]["secretName"]) for workload in (etcd, shard)}
    member, client = certificates[secrets["ringkv-etcd"]], certificates[secrets["ringkv-shop"]]
    assert f"*.{service}.ringkv.svc.cluster.local" in member["dnsNames"]
    assert set(member["usages"]) == {"server auth", "client auth"} and client["usages"] == ["client auth"]
    assert member["issuerRef"] == client["issuerRef"]
    hosts = [f"ringkv-etcd-{i}.{service}.ringkv.svc.cluster.local" for i in range(etcd["spec"]["replicas"])]
    assert values["ETCD_INITIAL_CLUSTER"] == ",".join(f"{h.split('.')[0]}=https://{h}:2380" for h in hosts)
    coordinator = literals(container_of(shard))["RINGKV_COORDINATOR"]
    assert coordinator == "etcds://" + ",".join(f"{host}:2379" for host in hosts) + "/shop", coordinator
    return issuers[member["issuerRef"]["name"]]["ca"]["secretName"]


ENTRYPOINT = os.path.join(ROOT, "deploy/docker/entrypoint.sh")
PASSWORD = "sesame"


def start_pod(workload, folder, ports, more=None):
    """The server of the workload with its arguments and variables, on this machine: its certificate and what `more`
    has are elsewhere."""
    container = workload["spec"]["template"]["spec"]["containers"][0]
    values = {name: value.replace("/etc/ringkv-tls", folder) for name, value in literals(container).items()}
    values |= {"RINGKV_TLS_PORT": str(ports[0]), "RINGKV_HTTP_PORT": str(ports[1]), "RINGKV_REQUIREPASS": PASSWORD,
               "RINGKV_SHUTDOWN_DRAIN": "0", "RINGKV_BIND": "127.0.0.1",
               "PATH": os.path.dirname(server_binary()) + ":" + os.environ["PATH"], **(more or {})}
    server = RunningServer([ENTRYPOINT, *container["args"], "--shutdown-drain", "0"], values)
    server.environment = {**os.environ, **values}
    eventually(lambda: "is ready" in server.log() or server.process.poll() is not None, "the ready line")
    assert server.process.poll() is None, server.log()
    return server


def check_shard_starts(manifests):
    """The members and nodes of the shard, started here, elect a primary, which hands over as its hook has it."""
    etcd, shard = named(manifests, "StatefulSet", "ringkv-etcd"), named(manifests, "StatefulSet", "ringkv-shop")
    servers, pods = [], {}
    with Certificates() as certificates:
        for name, file in (("server.crt", "tls.crt"), ("server.key", "tls.key")):
            shutil.copy(certificates.path(name), certificates.path(file))
        free = iter(free_ports(3 * etcd["spec"]["replicas"]))
        ports = {(f"ringkv-etcd-{i}", port): next(free) for i in range(3) for port in ("2379", "2380", "2381")}

        def here(value, own=None):
            value = value.replace("$(ETCD_NAME)", own or "").replace("/etc/etcd-tls", certificates.dir)
            value = re.sub(r"(ringkv-etcd-\d)\.ringkv-etcd\.ringkv\.svc\.cluster\.local:(\d+)",
                           lambda m: f"127.0.0.1:{ports[m.group(1), m.group(2)]}", value)
            return re.sub(r"0\.0\.0\.0:(\d+)", lambda m: f"127.0.0.1:{ports[own, m.group(1)]}", value)

        try:
            for i in range(etcd["spec"]["replicas"]):
                name = f"ringkv-etcd-{i}"
                values = {key: here(value, name) for key, value in literals(container_of(etcd)).items()}
                values |= {"ETCD_NAME": name, "ETCD_DATA_DIR": certificates.path(name)}
                servers.append(RunningServer(container_of(etcd)["command"], values))
            for i in range(shard["spec"]["replicas"]):
                values = literals(container_of(shard))
                more = {key: here(value) for key, value in values.items() if "COORDINATOR" in key}
                data = certificates.path(f"ringkv-shop-{i}")
                os.mkdir(data)
                pods[i] = start_pod(shard, certificates.dir, free_ports(2), more | {
                    "RINGKV_MASTERAUTH": PASSWORD, "RINGKV_DIR": data, "RINGKV_REPLICA_ANNOUNCE_IP": "127.0.0.1"})
                servers.append(pods[i])

            def admin(pod, *words):
                return subprocess.run([ENTRYPOINT, *words], env=pod.environment, capture_output=True, text=True,
                                      check=False, timeout=60)

            def status():
                return admin(pods[0], "ringkv-cluster", "status", "--tls", "--cacert", certificates.path("ca.crt"))

            eventually(lambda: status().returncode == 0, "all nodes to be in sync: " + pods[0].log())
            before = re.search(r"primary (\S+),", status().stdout).group(1)
            primary = next(p for p in pods.values() if p.environment["RINGKV_TLS_PORT"] == before.split(":")[1])
            hook = container_of(shard)["lifecycle"]["preStop"]["exec"]["command"]
            done = admin(primary, *hook[1:])
            assert done.returncode == 0 and "is the primary of shard 0" in done.stdout, done.stdout + done.stderr
            assert f"primary {before}" not in status().stdout, status().stdout
            done = admin(primary, *hook[1:])
            assert done.returncode == 0 and "is not the primary" in done.stdout, "nothing to do: " + done.stderr
        finally:
            for server in servers:
                server.stop()


def check_pods_start(manifests):
    """What the manifests say makes a server that is asked by TLS with the password; a pod of the cluster is left as its
    hook has it."""
    cache, cluster = named(manifests, "Deployment", "ringkv-cache"), named(manifests, "StatefulSet", "ringkv")
    with Certificates() as certificates:
        for name, file in (("server.crt", "tls.crt"), ("server.key", "tls.key")):
            shutil.copy(certificates.path(name), certificates.path(file))
        context = ssl.create_default_context(cafile=certificates.path("ca.crt"))
        context.check_hostname = False

        def role(port):
            client = redis.Redis(port=port, password=PASSWORD, ssl=True, ssl_ca_certs=certificates.path("ca.crt"),
                                 ssl_check_hostname=False)
            return client.info("replication")["role"]

        def is_ready(port):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200

        ports = free_ports(2)
        with start_pod(cache, certificates.dir, ports):
            assert role(ports[0]) == "master" and is_ready(ports[1])

        text = next(m for _, m in manifests if m["kind"] == "ConfigMap")["data"]["cluster.conf"]
        pods = {"ringkv-0": free_ports(2), "ringkv-3": free_ports(2)}
        lines = ["epoch 1", "shard s1 weight 1"]
        for name, (port, http_port) in pods.items():
            line = re.search(rf"^node {name} .*$", text, re.M).group(0)
            lines.append(re.sub(r"host \S+ port \d+ (.*) http \d+",
                                rf"host 127.0.0.1 port {port} \1 http {http_port}", line))
        seed = certificates.path("seed.conf")
        with open(seed, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        servers = []
        try:
            for name, own in pods.items():
                config = certificates.path(f"{name}.conf")
                servers.append(start_pod(cluster, certificates.dir, own, {
                    "RINGKV_CLUSTER_SEED": seed, "RINGKV_CLUSTER_CONFIG": config, "RINGKV_CLUSTER_NODE_ID": name,
                    "RINGKV_MASTERAUTH": PASSWORD}))
            (first, first_http), (second, second_http) = pods.values()
            eventually(lambda: is_ready(first_http) and is_ready(second_http), "both pods to be ready")
            assert role(first) == "master" and role(second) == "slave"
            hook = cluster["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
            own = certificates.path("ringkv-0.conf")
            done = subprocess.run([ENTRYPOINT, *(word.replace("/data/cluster.conf", own) for word in hook[1:])],
                                  env=servers[0].environment, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
            eventually(lambda: role(second) == "master", "the handover")
        finally:
            for server in servers:
                server.stop()


def check_systemd():
    """The password is handed over by systemd, in a file that is installed for root only."""
    with open(os.path.join(ROOT, "deploy/systemd/ringkv.service"), encoding="utf-8") as file:
        unit = file.read()
    name, path = re.search(r"^LoadCredential=(\S+):(\S+)$", unit, re.M).groups()
    assert f" --include %d/{name} " in re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
    with open(os.path.join(ROOT, "deploy/debian/conffiles"), encoding="utf-8") as file:
        assert path in file.read().split()
    with open(os.path.join(ROOT, "deploy", os.path.basename(path)), encoding="utf-8") as file:
        options = re.findall(r"^# ([a-z-]+) \S+$", file.read(), re.M)
    assert "requirepass" in options, "each is an example to be uncommented"
    with tempfile.TemporaryDirectory() as folder:
        secrets = os.path.join(folder, name)
        with open(secrets, "w", encoding="utf-8") as file:
            file.write("requirepass sesame\n")
        with start_ringkv("--include", secrets) as server:
            assert server.connect().raw("PING").startswith(b"-NOAUTH")


def check_haproxy():
    """Its checks say the password of the nodes."""
    with open(os.path.join(ROOT, "deploy/haproxy/haproxy.cfg"), encoding="utf-8") as file:
        text = file.read()
    assert text.count("option tcp-check\n") == text.count('tcp-check send "AUTH ${RINGKV_PASSWORD}\\r\\n"') > 0


def check_compose_protection(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name}: {port} is open to others"
        if service["image"] == "ringkv":
            assert service["environment"]["RINGKV_REQUIREPASS_FILE"] == "/run/secrets/password", name
        # Who reaches etcd decides who is the primary.
        if "etcd" in service["image"]:
            assert list(service["networks"]) == ["coordinator"] and "ports" not in service, name
        else:
            assert service["secrets"], name


def start_etcd(service, ports, folder):
    """A member as in the file, on this machine: each port of each host is another one here."""
    def here(value):
        value = re.sub(r"(etcd-\d):(\d+)", lambda m: f"127.0.0.1:{ports[m.group(1), m.group(2)]}", value)
        own = service["environment"]["ETCD_NAME"]
        return re.sub(r"0\.0\.0\.0:(\d+)", lambda m: f"127.0.0.1:{ports[own, m.group(1)]}", value)
    values = {name: here(value) for name, value in service["environment"].items()}
    return RunningServer(["etcd"], values | {"ETCD_DATA_DIR": folder})


def check_compose_failover(services):
    """The members and nodes of the file, started here, are a shard with a primary and two replicas in sync."""
    etcds = {name: service for name, service in services.items() if "etcd" in service["image"]}
    nodes = {name: service for name, service in services.items() if service["image"] == "ringkv"}
    assert len(etcds) == 3 and len(nodes) == 3
    free = iter(free_ports(6))
    ports = {(name, port): next(free) for name in etcds for port in ("2379", "2380")}
    servers = []
    with tempfile.TemporaryDirectory(prefix="ringkv-test-") as folder:
        try:
            for name, service in etcds.items():
                servers.append(start_etcd(service, ports, os.path.join(folder, name)))
            secret = os.path.join(folder, "password")
            with open(secret, "w", encoding="ascii") as file:
                file.write(PASSWORD + "\n")
            for name, service in nodes.items():
                values = service["environment"]
                assert values["RINGKV_REPLICA_ANNOUNCE_IP"] == name, "others have to reach it by that"
                values = {key: value.replace("/run/secrets/password", secret) for key, value in values.items()}
                values["RINGKV_COORDINATOR"] = re.sub(
                    r"(etcd-\d):(\d+)", lambda m: f"127.0.0.1:{ports[m.group(1), m.group(2)]}",
                    values["RINGKV_COORDINATOR"])
                data = os.path.join(folder, name)
                os.mkdir(data)
                values |= {"RINGKV_PORT": str(free_ports(1)[0]), "RINGKV_BIND": "127.0.0.1", "RINGKV_DIR": data,
                           "RINGKV_REPLICA_ANNOUNCE_IP": "127.0.0.1",
                           "PATH": os.path.dirname(server_binary()) + ":" + os.environ["PATH"]}
                servers.append(RunningServer([ENTRYPOINT, *service["command"]], values))
            eventually(lambda: subprocess.run([ENTRYPOINT, "ringkv-cluster", "status"], env={**os.environ, **values},
                                              capture_output=True, check=False, timeout=60).returncode == 0,
                       "all nodes to be in sync: " + servers[-1].log())
        finally:
            for server in servers:
                server.stop()


def check_compose():
    folder = os.path.join(ROOT, "deploy/compose")
    for name in ("single.yaml", "failover.yaml", "cluster.yaml"):
        done = subprocess.run(["docker-compose", "-f", name, "config"], cwd=folder, capture_output=True, text=True,
                              check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        services = yaml.safe_load(done.stdout)["services"]
        check_compose_protection(services)
        mounts = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
        assert all(os.path.exists(mount) for mount in mounts if mount.startswith("/")), mounts
        if name == "failover.yaml":
            check_compose_failover(services)
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
    check_tls(manifests)
    check_pods_start(manifests)
    check_shard_starts(manifests)
    check_haproxy()
    check_systemd()
    print(f"{len(manifests)} manifests agree with Kubernetes' schemas, and with each other; so do those of compose")
    return 0


if __name__ == "__main__":
    sys.exit(main())
