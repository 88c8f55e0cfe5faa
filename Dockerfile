FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY src/client/package.json src/client/
RUN npm ci
COPY . .
RUN npm run --silent prepack && npm prune --omit=dev --omit=optional \
  # The guides, which are served at /docs/guides.
  && mkdir guides && cp --parents *.md LICENSE $(find src test/examples -name README.md) guides

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/contracts contracts
COPY --from=build /app/generated generated
COPY --from=build /app/sql sql
COPY --from=build /app/guides ./
USER node
EXPOSE 3000
CMD ["node", "dist/src/main.js", "serve"]
