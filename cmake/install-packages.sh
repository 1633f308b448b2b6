#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that a goal needs and that are missing. With sudo where one isn't root.
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config libasio-dev libtsl-hopscotch-map-dev libxxhash-dev libjemalloc-dev
       libspdlog-dev libexpected-dev node-llhttp prometheus-cpp-dev libzstd-dev nlohmann-json3-dev libcli11-dev
       liblzf-dev libboost-context-dev libluajit-5.1-dev libssl-dev libcurl4-openssl-dev
       libjs-chart.js)
package=("${build[@]}" make dpkg-dev file)
test=("${package[@]}" libgtest-dev libhiredis-dev redis-server redis-tools python3 python3-redis python3-rq
      libredis-perl perl clang libclang-rt-14-dev python3-yaml curl wrk prometheus haproxy chromium-headless-shell
      buildah debootstrap docker-compose prometheus-redis-exporter webdis nutcracker rsyslog-hiredis php8.2-cli
      php8.2-redis python3-flask-caching python3-django-redis collectd-core ruby-redis-store python3-celery
      ruby-sidekiq testssl.sh mkdocs etcd-server iproute2 iptables)
bench=("${build[@]}" redis-server redis-tools python3 python3-redis python3-flask python3-matplotlib wrk)
site=(mkdocs)
lint=("${build[@]}" libgtest-dev libhiredis-dev clang clang-tidy clang-format libclang-rt-14-dev)

# Wherever node comes from, it will do.
command -v npm >/dev/null || { test+=(nodejs npm); bench+=(nodejs npm); }

declare -n wanted=$1
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "missing packages: ${missing[*]}; install them as root, or install sudo" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing ${missing[*]}"
# A redis-server that comes as a peer for tests must not take the port that `make run` wants.
deny_start=/usr/sbin/policy-rc.d
if [ ! -e $deny_start ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $deny_start >/dev/null
  "${as_root[@]}" chmod +x $deny_start
  trap '"${as_root[@]}" rm -f $deny_start' EXIT
fi
# Others may install at the same time; a minute or two is enough for them.
apt=(apt-get -o DPkg::Lock::Timeout=300)
"${as_root[@]}" "${apt[@]}" update -q >/dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  "${apt[@]}" install -y -q --no-install-recommends "${missing[@]}" >/dev/null
