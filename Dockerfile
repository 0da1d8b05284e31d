# The image of all of Airflow's services, and of its workers elsewhere. It holds no secret and no
# configuration of a place: see docker-compose.yaml and docs/operations.md.

# Debian 12 or what is made from it. A base of your own brings its package sources, its pip
# configuration and its certificates (/usr/local/share/ca-certificates) along.
ARG BASE_IMAGE=debian:bookworm-slim
# An image with /programs/bin, to skip the eight minutes of building Kubernetes from its sources.
ARG PROGRAMS_IMAGE=programs-from-source

FROM ${BASE_IMAGE} AS python
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
 && update-ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# For every client, also those that bring a list of authorities of their own.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt

FROM python AS packages
COPY tools/uv.lock /src/
RUN python3 -m venv /opt/uv \
 && /opt/uv/bin/pip --quiet --disable-pip-version-check install \
      --require-hashes --requirement /src/uv.lock
COPY pyproject.toml requirements.lock /src/
# What the project and its extra `server` need, and nothing of what tests need; each package in
# the version of the lock and checked by the hash that the lock has of it.
RUN python3 -m venv --without-pip /opt/venv \
 && /opt/uv/bin/uv pip install --quiet --no-cache --compile-bytecode --python /opt/venv/bin/python \
      --require-hashes --requirements /src/pyproject.toml --extra server \
      --constraints /src/requirements.lock

# The control plane of simulated clusters. Only what these programs are built from is copied, so
# that a change elsewhere does not build them again.
FROM python AS programs-from-source
RUN python3 -m venv /opt/pip
WORKDIR /src
COPY tools tools
COPY include/__init__.py include/errors.py include/files.py include/project.py include/waiting.py include/
COPY include/embedded/__init__.py include/embedded/binaries.py include/embedded/commands.py \
     include/embedded/go.py include/embedded/modules.py include/embedded/mounts.py \
     include/embedded/paths.py include/embedded/progress.py include/embedded/pypi.py \
     include/embedded/whole.py include/embedded/
ENV OPERATOR_BENCHMARK_CACHE=/programs
# The local cluster needs root and is not run in a container, so its programs stay behind.
RUN /opt/pip/bin/python -m include.embedded.binaries \
 && rm -rf /programs/bin/*/coredns /programs/bin/*/kubelet /programs/bin/*/pause \
 && chmod -R u+w /programs /root/go && rm -rf /programs/go /root/go /root/.cache

FROM ${PROGRAMS_IMAGE} AS programs

FROM python AS airflow
# A new volume takes over the owner and the content that its folder has here.
RUN groupadd --gid 50000 benchmark \
 && useradd --uid 50000 --gid benchmark --no-log-init --create-home benchmark \
 && for folder in /opt/airflow /opt/airflow/logs /opt/operator-benchmark /opt/operator-benchmark/.cache \
      /opt/operator-benchmark/.cache/manifests \
      /var/lib/operator-benchmark /var/lib/operator-benchmark/results \
      /var/lib/operator-benchmark/clusters \
      /var/lib/operator-benchmark/objects /var/lib/operator-benchmark/objects/results \
      /run/operator-benchmark /run/operator-benchmark/airflow /run/operator-benchmark/users \
      /run/operator-benchmark/database /run/operator-benchmark/store; \
    do install --directory --owner benchmark --group benchmark --mode 0755 "$folder"; done \
 && chmod 0700 /run/operator-benchmark/airflow /run/operator-benchmark/users
COPY --from=packages /opt/venv /opt/venv
COPY --from=programs /programs/bin /opt/operator-benchmark/.cache/bin
COPY tools /opt/operator-benchmark/tools
COPY config /opt/operator-benchmark/config
COPY include /opt/operator-benchmark/include
COPY plugins /opt/operator-benchmark/plugins
COPY dags /opt/operator-benchmark/dags
ARG VERSION=unknown
ENV LANG=C.UTF-8 \
    PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/opt/operator-benchmark:/opt/operator-benchmark/config \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/operator-benchmark/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/operator-benchmark/plugins \
    OPERATOR_BENCHMARK_CACHE=/opt/operator-benchmark/.cache \
    OPERATOR_BENCHMARK_RESULTS=file:///var/lib/operator-benchmark/results \
    OPERATOR_BENCHMARK_STATE=/var/lib/operator-benchmark/clusters/state \
    OPERATOR_BENCHMARK_VERSION=${VERSION}
RUN printf '#!/bin/sh\nexec python -m include.cli "$@"\n' > /usr/local/bin/opbench \
 && chmod 0755 /usr/local/bin/opbench
# Programs of other pins would be noticed by the first simulated study only.
RUN python -m compileall -q /opt/operator-benchmark/include /opt/operator-benchmark/config \
      /opt/operator-benchmark/plugins \
 && python -c "from include.clusters import simulated as s; [s.binaries.binary(p) for p in s.PROGRAMS]"
USER 50000:50000
WORKDIR /opt/airflow
