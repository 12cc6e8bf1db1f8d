# One image for producer, consumer, simulator, all of Airflow and the steps before them.

FROM node:22.11.0-bookworm-slim AS charts
WORKDIR /charts
COPY include/live/package.json include/live/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM apache/airflow:3.3.2-python3.12

COPY --chown=50000:0 requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt && rm /tmp/requirements.txt

COPY --from=charts --chown=0:0 \
    /charts/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js \
    /opt/charts/lightweight-charts.standalone.production.js

COPY --chown=0:0 dags /opt/pipeline/dags
COPY --chown=0:0 flux /opt/pipeline/flux
COPY --chown=0:0 grafana /opt/pipeline/grafana
COPY --chown=0:0 include /opt/pipeline/include
COPY --chown=0:0 local /opt/pipeline/local
COPY --chown=0:0 plugins /opt/pipeline/plugins
COPY --chown=0:0 sql /opt/pipeline/sql

# A volume takes its owner from the folder it is first laid over.
USER root
RUN install -d -o 50000 -g 0 -m 0711 /var/lib/pipeline
USER 50000:0

ENV PYTHONPATH=/opt/pipeline PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/pipeline
# Not the base image's, which waits for servers by itself: compose knows the order.
ENTRYPOINT []
CMD ["python", "-m", "airflow", "version"]
