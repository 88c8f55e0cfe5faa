# Colloquy's image. scripts/deploy/README.md says how to run it; `npm run test:deploy` follows these steps without an
# engine. The base is named by its exact version, and Dependabot proposes the next one.

# What is built is JavaScript alone, so the builder's own platform will do for every other.
FROM --platform=$BUILDPLATFORM node:24.21.0-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY src/client/package.json src/client/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The image has what the package has, the production dependencies of the lockfile, and a list of them. The embedded
# PostgreSQL is an optional dependency, and left out: with NODE_ENV=production it never starts.
RUN npm run --silent prepack \
  && npm pack --silent --ignore-scripts \
  && tar -xzf colloquy-*.tgz \
  && node --import tsx scripts/sbom.ts >package/sbom.cdx.json \
  && npm prune --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund

FROM node:24.21.0-trixie-slim
LABEL org.opencontainers.image.title="Colloquy" \
  org.opencontainers.image.description="A chat backend beside the app you already have" \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/package ./
# A number, so that Kubernetes can see that it is not root. Nothing in the image belongs to this user.
USER 1000:1000
EXPOSE 3000
# Whether the process lives: an engine that restarts what is unhealthy must not do so for an outage of the database.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Without a shell, so that SIGTERM reaches the server.
ENTRYPOINT ["node", "/app/dist/src/main.js"]
CMD ["serve"]
