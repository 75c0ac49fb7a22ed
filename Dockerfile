# The image of the operator: a virtual environment of wheels on a plain Python, nothing else.
#
#   docker build --tag certwright:dev .
#   docker build --build-arg BASE=registry.example.com/python:3.13 --tag certwright:dev .
#
# BASE is any image with Python 3.11 or newer, also one that exists only locally: nothing is installed but wheels.
ARG BASE=python:3.11-slim

FROM ${BASE} AS builder
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY operator ./operator
# The versions that the tests ran with; the hashes are dropped because our own wheel has none yet.
RUN sed -e '/--hash=/d' -e 's/ *\\$//' requirements.lock > constraints.txt \
    && python -m pip wheel --no-cache-dir --constraint constraints.txt --wheel-dir /wheels .
RUN python -m venv --without-pip /opt/certwright \
    && python -m pip --python /opt/certwright/bin/python install --no-cache-dir --no-index --find-links /wheels certwright

FROM ${BASE}
LABEL org.opencontainers.image.title="certwright" \
      org.opencontainers.image.description="Validates certificates that somebody else issued and distributes only good ones" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder /opt/certwright /opt/certwright
# Without a buffer, for logs are read as they come; without byte code, for the file system is read-only.
ENV PATH=/opt/certwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["certwright"]
CMD ["run"]
