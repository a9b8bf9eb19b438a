# The service:       docker build -t khipu-receiver .
# A simulated Khipu:   docker build -t khipu-simulator --target simulator .
#
# What changes often comes last: after a change of src/ the packages are not installed again.
#
# node:24-slim brings Node; the npm package `node`, which is a devDependency, never brings its binary here:
# its script is skipped like all others.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/build.ts ./scripts/
COPY src ./src
# Not `npm run`, which would look for that package's node first.
RUN node scripts/build.ts

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim AS base
# Nothing in here may become another user, nor install anything.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn*
# Freed memory of large bodies goes back to the system at once, and is not kept in pieces.
ENV NODE_ENV=production MALLOC_MMAP_THRESHOLD_=131072
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY schemas ./schemas

FROM base AS simulator
COPY simulator ./simulator
ENV SIMULATOR_HOST=0.0.0.0
LABEL org.opencontainers.image.title="khipu-simulator" \
  org.opencontainers.image.description="A simulated Khipu and a simulated consumer, to try khipu-receiver with" \
  org.opencontainers.image.licenses="MIT"
# A number, so that an orchestrator can see that it is not root.
USER 1000:1000
EXPOSE 4000
STOPSIGNAL SIGTERM
CMD ["node", "simulator/main.ts"]

# The last stage is what `docker build` makes when it is told no target.
FROM base AS service
# A volume that is mounted here for SPOOL_DIR belongs to that user as well.
RUN install --directory --mode=700 --owner=1000 --group=1000 /spool
COPY --from=build /build/dist ./dist
COPY src/ledger/lua ./src/ledger/lua
COPY src/operator/pages/assets ./src/operator/pages/assets
# The code as V8 has compiled it, which is a part of a start; read for the user that has made it alone, so it is made
# by that user, and then is root's. Without a configuration the service ends once its code is loaded.
ENV NODE_COMPILE_CACHE=/app/compile-cache
RUN install --directory --owner=1000 --group=1000 compile-cache \
  && setpriv --reuid=1000 --regid=1000 --clear-groups sh -c '! node dist/main.js' \
  && chown --recursive root:root compile-cache && test -n "$(ls compile-cache)"
USER 1000:1000
EXPOSE 3000 3001
STOPSIGNAL SIGTERM
# A worker has no public listener.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "const { ROLE, PUBLIC_PORT, ADMIN_PORT } = process.env; const port = ROLE === 'worker' ? ADMIN_PORT || 3001 : PUBLIC_PORT || 3000; fetch(`http://127.0.0.1:${port}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# SIGUSR1 opens no debugger, not even while the modules are read.
CMD ["node", "--disable-sigusr1", "dist/main.js"]
# A release says which it is; elsewhere nobody knows.
ARG VERSION=unreleased
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="khipu-receiver" \
  org.opencontainers.image.description="Receives the asynchronous results of Khipu's Open Data API, keeps them safe and delivers them to a queue" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/library/node:24-slim" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.created="$CREATED"
