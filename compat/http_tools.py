#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tools at the HTTP port: curl, promtool, wrk. Also checks that the metrics used in deploy/ exist."""
import json
import os
import re
import subprocess
import sys

from servers import free_ports, start_cluster, start_ringkv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*command, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def curl(*arguments):
    """The status, and the body."""
    text = run("curl", "-s", "-g", "-w", "\n%{http_code}", *arguments)
    body, _, status = text.rpartition("\n")
    return int(status), body


def check_curl(url):
    assert curl("-X", "PUT", "--data-binary", "value", f"{url}/keys/a%2Fb") == (204, "")
    assert curl(f"{url}/keys/a%2Fb") == (200, "value")
    assert curl("--json", '{"key":"j","value":"1","ttl":9}', f"{url}/set") == (200, '{"stored":1}\n')
    assert curl("-d", "key=f&value=2", f"{url}/set") == (200, '{"stored":1}\n')
    assert curl("--json", '["j","f"]', f"{url}/mget") == (200, '{"values":["1","2"]}\n')
    status, found = curl(f"{url}/search?prefix=a&values=1")
    assert (status, json.loads(found)) == (200, {"keys": ["a/b"], "values": ["value"], "cursor": 0})
    assert curl("-X", "DELETE", f"{url}/keys/a%2Fb") == (204, "")
    assert curl(f"{url}/keys/a%2Fb")[0] == 404
    assert curl("-I", f"{url}/healthz")[0] == 200
    # A body larger than curl sends without being asked for it (Expect: 100-continue), through a pipe: in chunks.
    large = "x" * 3_000_000
    assert run("curl", "-s", "-T", "-", f"{url}/keys/large", input=large) == ""
    assert run("curl", "-s", f"{url}/keys/large") == large
    assert curl("-X", "PUT", "--data-binary", "@" + __file__, f"{url}/keys/file")[0] == 204


def check_wrk(url):
    output = run("wrk", "-t", "2", "-c", "50", "-d", "2s", f"{url}/keys/file")
    assert "Non-2xx" not in output and "Socket errors" not in output, output
    assert int(re.search(r"(\d+) requests in", output).group(1)) > 100, output


def check_metrics(pages):
    """Metrics of servers in all roles: together they must have every name in rules and dashboard."""
    for page in pages:
        run("promtool", "check", "metrics", input=page)
    names = {"up"}
    for page in pages:
        names |= set(re.findall(r"^([a-z_]+?)(?:\{| )", page, re.M))
    folder = os.path.join(ROOT, "deploy/prometheus")
    run("promtool", "check", "rules", os.path.join(folder, "alerts.yaml"))
    run("promtool", "test", "rules", os.path.join(folder, "alerts_test.yaml"))
    run("promtool", "check", "config", "--syntax-only", os.path.join(folder, "prometheus.yaml"))
    with open(os.path.join(ROOT, "deploy/grafana/ringkv.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    assert len(dashboard["panels"]) > 10
    texts = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    with open(os.path.join(folder, "alerts.yaml"), encoding="utf-8") as file:
        texts += re.findall(r"expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):", file.read())
    asked = {name for text in texts for name in re.findall(r"\b(?:ringkv|process)_[a-z_]+\b", text)}
    asked.remove("ringkv_tls_certificate_expiry_timestamp_seconds")  # only a server with TLS has it
    assert len(asked) > 25 and asked <= names, asked - names
    # Every rule has a test.
    with open(os.path.join(folder, "alerts.yaml"), encoding="utf-8") as rules, open(
            os.path.join(folder, "alerts_test.yaml"), encoding="utf-8") as tests:
        alerts = set(re.findall(r"alert: (\w+)", rules.read()))
        assert alerts == set(re.findall(r"alertname: (\w+)", tests.read())), alerts


def main():
    port, replica_port, *cluster_ports = free_ports(4)
    url = f"http://127.0.0.1:{port}"
    with start_ringkv("--http-port", str(port), "--metrics-prefix", "page: j") as server:
        check_curl(url)
        check_wrk(url)
        server.connect().raw("NOSUCHCOMMAND")
        pages = [run("curl", "-s", f"{url}/metrics")]
        with start_ringkv("--http-port", str(replica_port), "--replicaof", f"127.0.0.1 {server.port}"):
            run("curl", "-s", "--retry", "50", "--retry-delay", "0", "--fail",
                f"http://127.0.0.1:{replica_port}/readyz")
            pages.append(run("curl", "-s", f"http://127.0.0.1:{replica_port}/metrics"))
            pages.append(run("curl", "-s", f"{url}/metrics"))
    with start_cluster(2, 0, http_ports=cluster_ports):
        pages.append(run("curl", "-s", f"http://127.0.0.1:{cluster_ports[0]}/metrics"))
    check_metrics(pages)
    print("curl, wrk and promtool work; rules and dashboard ask for what there is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
