/**
 * docs/reference/openapi.json: the HTTP API as OpenAPI 3.1, made from its contract: `node infra/docs/openapi.ts`.
 * The running edge serves the same document at /openapi.json.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { Api } from "@credits/contracts/http"
import { OpenApi } from "effect/http-api"
import { repositoryDir } from "./source.ts"

export const OPENAPI_PAGE = "docs/reference/openapi.json"

export const renderOpenApi = (): string => `${JSON.stringify(OpenApi.fromApi(Api), null, 2)}\n`

if (import.meta.main) {
  mkdirSync(`${repositoryDir}docs/reference`, { recursive: true })
  writeFileSync(`${repositoryDir}${OPENAPI_PAGE}`, renderOpenApi())
}
