# The inference service: docker build -f docker/inference.Dockerfile -t nevus-inference .
ARG BASE=python:3.11.15-slim-bookworm

FROM ${BASE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/nevus
ENV PATH=/opt/nevus/bin:$PATH
WORKDIR /src
COPY requirements/inference.txt requirements/
RUN pip install --no-compile --require-hashes -r requirements/inference.txt
COPY shared shared
COPY services/inference services/inference
# What only builds goes again, pip last; `pip check` tells if anything that stays needs it.
RUN pip install --no-compile --no-deps --no-build-isolation ./shared ./services/inference \
 && pip uninstall --yes editables hatchling pathspec pluggy tomlkit trove-classifiers \
 && pip check \
 && pip uninstall --yes setuptools pip
# Nor does serving need the packages' own tests, or what LiteRT brings for graphics cards.
RUN find /opt/nevus -type d -name tests -prune -exec rm -r {} + \
 && rm /opt/nevus/lib/python3.*/site-packages/ai_edge_litert/libLiteRtWebGpuAccelerator.so
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
    HOST=0.0.0.0 \
    PORT=8081 \
    DATA_DIR=/data
ARG BASE
ARG REVISION=""
LABEL org.opencontainers.image.title="nevus-inference" \
      org.opencontainers.image.description="Nevus: the private model server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
USER 10001:10001
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-m", "nevus.probe", "/v2/health/ready"]
ENTRYPOINT ["python", "-m", "inference"]
