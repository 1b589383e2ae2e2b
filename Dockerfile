FROM docker.io/library/node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM docker.io/library/node:22-bookworm-slim
WORKDIR /home/app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=build /src/bin bin
# Flagger's chart calls ./flagger, the load tester's ./loadtester, podinfo's exec probes wget.
RUN ln -s bin/aviary flagger && ln -s bin/aviary loadtester \
  && apt-get update && apt-get install -y --no-install-recommends wget curl jq && rm -rf /var/lib/apt/lists/*
USER 10001
ENTRYPOINT ["./bin/aviary"]
