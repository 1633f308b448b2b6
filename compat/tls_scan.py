#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What testssl.sh finds: protocols, ciphers and known weaknesses of the ports with TLS. Nothing of weight may be among
it, but for what the certificates of a test are blamed for. The server's order of ciphers counts, which is asked for:
redis-server leaves the choice to its clients."""
import json
import os
import subprocess
import sys

from servers import free_ports
from tls_files import Certificates
from tls_servers import HOST, start_with_tls

# Of the certificate, which a test has made, not of the server: nobody's authority, no place to ask for its withdrawal.
OF_THE_CERTIFICATE = ("cert_chain_of_trust", "cert_revocation", "cert_crlDistributionPoints", "cert_ocspURL",
                      "cert_caIssuers", "cert_expirationStatus", "cert_notAfter", "cert_extlifeSpan", "cert_trust",
                      "cert_chain", "DNS_CAArecord", "OCSP_stapling", "certificate_transparency", "cert_eTLS",
                      "overall_grade", "grade_cap_reason", "trust")
WEIGHTY = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")  # a WARN is a check that the scanner could not make


def scan(certificates, port):
    found = certificates.path(f"findings-{port}.json")
    done = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--jsonfile",
                           found, f"{HOST}:{port}"], capture_output=True, text=True, timeout=900, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"})
    with open(found, encoding="utf-8") as file:
        findings = json.load(file)
    assert len(findings) > 80, done.stdout[-2000:] + done.stderr[-2000:]
    return findings


def main():
    redis_port, http_port = free_ports(2)
    weighty = []
    with Certificates() as certificates, \
            start_with_tls(certificates, "--tls-port", str(redis_port), "--tls-auth-clients", "no",
                           "--tls-prefer-server-ciphers", "yes", "--http-port", str(http_port), "--http-tls", "yes"):
        for port in (redis_port, http_port):
            findings = scan(certificates, port)
            for finding in findings:
                is_ours = not finding["id"].startswith(OF_THE_CERTIFICATE)
                if finding["severity"] in WEIGHTY and is_ours:
                    weighty.append(finding)
                if "-v" in sys.argv and finding["severity"] not in ("OK", "INFO", "DEBUG"):
                    print(finding["severity"], finding["id"], finding["finding"])
    for finding in weighty:
        print(finding["severity"], finding["id"], finding["finding"])
    print(f"{len(weighty)} findings of weight")
    return 1 if weighty else 0


if __name__ == "__main__":
    sys.exit(main())
