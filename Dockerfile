# check=skip=InvalidDefaultArgInFrom
#
# One image for producer, consumer, simulator, Airflow and the steps before them.
#
# docker-compose.yaml names the base images: `docker compose build`. Everything that Python imports
# is pinned by hash in requirements.txt (the pipeline) and requirements-workers.txt (Celery).
ARG PYTHON_IMAGE
ARG NODE_IMAGE

FROM ${NODE_IMAGE} AS charts
WORKDIR /charts
COPY include/live/package.json include/live/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${PYTHON_IMAGE} AS packages
COPY requirements.txt requirements-workers.txt /tmp/
# --no-deps: the files name every package, and pip does not match `celery[redis]` with `celery==`.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --require-hashes -r /tmp/requirements.txt -r /tmp/requirements-workers.txt \
    && /opt/venv/bin/pip check \
    && cd /opt/venv/lib/python3.12/site-packages \
    && find numba numpy pandas pyarrow -type d -name tests -prune -exec rm -r {} + \
    && /opt/venv/bin/pip uninstall --yes --quiet pip

FROM ${PYTHON_IMAGE}
# curl: the health checks. dumb-init: process 1 of the Airflow pods on Kubernetes.
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl dumb-init \
    && rm -rf /var/lib/apt/lists/*
# The user id and the home folder that Airflow's Helm chart expects. A volume takes its owner from
# the folder it is first mounted on.
RUN useradd --uid 50000 --gid 0 --create-home airflow \
    && install -d -o 50000 -g 0 -m 0775 /opt/airflow \
    && install -d -o 50000 -g 0 -m 0711 /var/lib/pipeline

COPY --from=packages /opt/venv /opt/venv
COPY --from=charts \
    /charts/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js \
    /opt/charts/lightweight-charts.standalone.production.js

COPY --chmod=0755 deploy/image/entrypoint deploy/image/clean-logs /
COPY dags /opt/pipeline/dags
COPY flux /opt/pipeline/flux
COPY grafana /opt/pipeline/grafana
COPY include /opt/pipeline/include
COPY local /opt/pipeline/local
COPY plugins /opt/pipeline/plugins
COPY sql /opt/pipeline/sql

USER 50000:0
ENV PATH=/opt/venv/bin:$PATH \
    AIRFLOW_HOME=/opt/airflow \
    PYTHONPATH=/opt/pipeline \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/pipeline
CMD ["python", "-m", "airflow", "version"]
