FROM docker.io/library/node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM docker.io/library/node:22-bookworm-slim
# What Flagger's charts probe with (wget), and what load tests and gates call; `hey` and simple `curl`s are also built in.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates wget curl jq git hey wrk bats \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --create-home --home-dir /home/app --shell /bin/bash app
WORKDIR /home/app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=build /src/bin bin
# Under these names it is a single command: Flagger's charts call ./flagger and ./loadtester.
RUN ln -s bin/aviary flagger && ln -s bin/aviary loadtester
USER 10001
# Flagger's kustomize bases give arguments alone; with a command in front it is `aviary` as ever.
ENTRYPOINT ["./flagger"]
