# The training job: docker build -f docker/training-job.Dockerfile -t nevus-training-job .
ARG BASE=python:3.11.15-slim-bookworm

FROM ${BASE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/nevus
ENV PATH=/opt/nevus/bin:$PATH
WORKDIR /src
COPY requirements/training.txt requirements/
RUN pip install --no-compile --require-hashes -r requirements/training.txt
COPY shared shared
COPY services/training-job services/training-job
# What only builds goes again, pip last; `pip check` tells if anything that stays needs it.
RUN pip install --no-compile --no-deps --no-build-isolation ./shared ./services/training-job \
 && pip uninstall --yes editables hatchling pathspec pluggy tomlkit trove-classifiers \
 && pip check \
 && pip uninstall --yes pip
# Compiled last. Python must not go by the files' times, as with what pip compiles: an image's layer rounds them.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/nevus/lib

FROM ${BASE} AS final
# The base comes with pip and without compiled modules, which a read-only root would compile anew at every start.
RUN pip uninstall --yes --root-user-action=ignore setuptools wheel pip \
 && rm -r /usr/local/lib/python3.*/ensurepip \
 && python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib \
 && groupadd --gid 10001 nevus \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin nevus \
 && install --directory --owner nevus --group nevus --mode 700 /data
COPY --from=builder /opt/nevus /opt/nevus
ENV PATH=/opt/nevus/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    HOME=/tmp \
    DATA_DIR=/data
ARG BASE
ARG REVISION=""
ENV NEVUS_REVISION="${REVISION}"
LABEL org.opencontainers.image.title="nevus-training-job" \
      org.opencontainers.image.description="Nevus: training, evaluation and promotion of models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
USER 10001:10001
WORKDIR /data
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "training_job"]
CMD ["--help"]
