# SPDX-License-Identifier: MIT
"""Certificates for a test, made by openssl when it runs."""
import os
import shutil
import subprocess
import tempfile


class Certificates:
    """A directory with those of an authority, signed by it and not, and their keys: NAME.crt, NAME.key."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ringkv-test-")
        self.make_authority("ca")
        self.make_authority("other-ca")
        self.sign("server")
        self.sign("second")
        self.sign("nameless", hosts="")
        self.sign("client")
        self.sign("foreign", by="other-ca")
        self.sign("expired", "-not_after", "20200102000000Z", "-not_before", "20200101000000Z")
        self.make_authority("self-signed")

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=self.dir, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def make_key(self, name):
        self.run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", f"{name}.key")

    def make_authority(self, name):
        self.make_key(name)
        self.run("req", "-x509", "-new", "-key", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
                 "-days", "2")

    def sign(self, name, *dates, by="ca", hosts="DNS:localhost,IP:127.0.0.1"):
        self.make_key(name)
        with open(self.path("extensions"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={hosts}\n" if hosts else "\n")
        self.run("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        if not dates:
            self.run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key",
                     "-CAcreateserial", "-days", "2", "-out", f"{name}.crt", "-extfile", "extensions")
            return
        # openssl-x509(1) knows no dates before Debian 13; openssl-ca(1) does.
        with open(self.path("ca.cnf"), "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nserial=ca.serial\nnew_certs_dir=.\n"
                       "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        for file, text in (("index.txt", ""), ("ca.serial", "1000\n")):
            with open(self.path(file), "w", encoding="ascii") as out:
                out.write(text)
        spelt = [word.replace("-not_after", "-enddate").replace("-not_before", "-startdate") for word in dates]
        self.run("ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-cert", f"{by}.crt", "-keyfile",
                 f"{by}.key", "-out", f"{name}.crt", "-notext", "-extfile", "extensions", *spelt)

    def server_options(self, port, name="server"):
        return ["--port", "0", "--tls-port", str(port), "--tls-cert-file", self.path(f"{name}.crt"),
                "--tls-key-file", self.path(f"{name}.key"), "--tls-ca-cert-file", self.path("ca.crt")]

    def tool_options(self, name="client"):
        """Of redis-cli, redis-benchmark and ringkv-cluster."""
        return ["--tls", "--cacert", self.path("ca.crt"), "--cert", self.path(f"{name}.crt"), "--key",
                self.path(f"{name}.key")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)
