#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the image that the Dockerfile begins with from Debian's packages, for buildah, where no registry can be reached.
set -euo pipefail
image=docker.io/library/debian:bookworm-slim
buildah inspect --type image $image >/dev/null 2>&1 && exit 0
timeout 60 buildah pull -q $image >/dev/null 2>&1 && exit 0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
sources=/etc/apt/sources.list.d/debian.sources
mirror=$(sed -n 's/^URIs: *//p' $sources 2>/dev/null | head -n 1)
debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >/dev/null
if [ -e $sources ]; then
  cp $sources "$root$sources"
  : >"$root/etc/apt/sources.list"
fi
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
container=$(buildah from scratch)
buildah add -q "$container" "$root" / >/dev/null
buildah config --cmd bash "$container"
buildah commit -q "$container" $image >/dev/null
buildah rm "$container" >/dev/null
