# SPDX-License-Identifier: MIT
# docker build -t ringkv . && docker run -p 6379:6379 ringkv
#
# What stands behind the image's name are options: docker run ringkv --appendonly yes. Each of them may be given as a
# variable, too: -e RINGKV_MAXMEMORY=1gb. The data lies in /data. The commands and variables of Redis' images work as
# well: redis-server, redis-cli ping, REDIS_PASSWORD, REDIS_REPLICATION_MODE and others (deploy/docker/entrypoint.sh).

FROM debian:bookworm-slim AS build
WORKDIR /source
# What the build needs changes less often than the sources.
COPY cmake/install-packages.sh cmake/
RUN cmake/install-packages.sh package
COPY . .
# Where a compiler cache lies, if one is mounted elsewhere.
ARG CCACHE_DIR=/root/.cache/ccache
RUN --mount=type=cache,target=/root/.cache/ccache make package

FROM debian:bookworm-slim
RUN useradd --system --uid 999 --user-group --no-create-home --home-dir /data ringkv \
    && install -d -o ringkv -g ringkv -m 0750 /data
COPY --from=build /source/build/ringkv_*.deb /tmp/
RUN apt-get update -q && apt-get install -y -q --no-install-recommends /tmp/ringkv_*.deb \
    && rm -rf /tmp/ringkv_*.deb /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
COPY deploy/docker/entrypoint.sh deploy/docker/redis-cli /usr/local/bin/
# What compose files and charts for Redis call.
RUN ln -s /usr/bin/ringkv-server /usr/local/bin/redis-server

# Published ports are how a container is reached at all: whoever publishes them decides who may.
ENV RINGKV_DIR=/data RINGKV_HTTP_PORT=8080 RINGKV_PROTECTED_MODE=no
USER 999:999
WORKDIR /data
VOLUME /data
EXPOSE 6379 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["entrypoint.sh", "ping"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["ringkv-server"]
