# Two images from one build:
#   docker build --target operator   -t REGISTRY/aviary:VERSION .              no shell, no package manager
#   docker build --target loadtester -t REGISTRY/aviary-loadtester:VERSION .   with the programs that load tests call
# The release workflow passes both base images with their digests (`--build-arg NODE_IMAGE=...@sha256:...`).
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs22-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts \
  && node scripts/stage-image.mjs --node /nodejs/bin/node --to /stage/operator \
  && node scripts/stage-image.mjs --node /usr/local/bin/node --to /stage/loadtester

FROM ${NODE_IMAGE} AS loadtester
# The programs that the metadata of webhooks names. `hey` and simple `curl`s are also built in.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates wget curl jq git hey wrk bats \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --create-home --home-dir /home/app --shell /bin/bash app
WORKDIR /home/app
COPY --from=build /stage/loadtester ./
USER 10001
ENTRYPOINT ["./loadtester"]

# The last stage is the default: `docker build .` makes the operator.
FROM ${RUNTIME_IMAGE} AS operator
WORKDIR /home/app
COPY --from=build /stage/operator ./
# Flagger's charts probe with `wget --spider`. This image has no wget, so a small program answers to that name.
COPY --from=build /stage/operator/wget /usr/local/bin/wget
USER 10001
# Flagger's kustomize bases give arguments alone. A command in front of the arguments selects another command of aviary.
ENTRYPOINT ["./flagger"]
