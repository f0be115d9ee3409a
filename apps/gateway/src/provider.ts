/**
 * Which provider answers for which model. Pure. Owns the form of the providers file and its reading; keys are named in
 * it by the environment variable that holds them, never written in it.
 */

export interface ProviderModel {
  /** The provider's own name of the model. */
  readonly upstream: string
  /** Of one answer, where the customer names no limit. */
  readonly maxOutputTokens: number
  /**
   * Holds for the whole answer before it begins, also of a stream: for models that think in silence, whose tokens no
   * chunk shows until all of them are spent.
   */
  readonly holdsWhole: boolean
}

export interface Provider {
  readonly name: string
  readonly kind: "openai-compatible" | "simulated"
  /** Of the API: `https://api.openai.com/v1`. "" for the simulated one. */
  readonly baseUrl: string
  /** Environment variable with the key; "": the provider takes none. */
  readonly keyFrom: string
  /** Field for the limit of output tokens where the customer names none. */
  readonly limitField: "max_tokens" | "max_completion_tokens"
  readonly models: ReadonlyMap<string, ProviderModel>
  /** Of every model that has a price and no row here; null: only those listed. */
  readonly others: ProviderModel | null
}

export interface Route {
  readonly provider: Provider
  readonly model: ProviderModel
}

/** What is wrong with the file, with the place. */
export interface ProvidersInvalid {
  readonly invalid: string
}

const MAX_OUTPUT_TOKENS = 16_384
const NAME = /^[a-z0-9][a-z0-9.-]{0,59}$/

/** Without a file, outside production: every model that has a price is answered by the built-in provider. */
export const simulatedProviders: ReadonlyArray<Provider> = [
  {
    name: "simulated",
    kind: "simulated",
    baseUrl: "",
    keyFrom: "",
    limitField: "max_completion_tokens",
    models: new Map(),
    others: { upstream: "", maxOutputTokens: MAX_OUTPUT_TOKENS, holdsWhole: false },
  },
]

class Reader {
  problem: string | null = null

  fail(at: string, rule: string): void {
    this.problem ??= `${at} ${rule}`
  }

  record(value: unknown, known: ReadonlyArray<string>, at: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.fail(at, "must be an object")
      return {}
    }
    const extra = Object.keys(value).find((key) => !known.includes(key))
    if (extra !== undefined) this.fail(`${at}.${extra}`, "is no field of it")
    return value as Record<string, unknown>
  }

  text(value: unknown, fallback: string | undefined, at: string): string {
    if (typeof value === "string" && value !== "") return value
    if (value === undefined && fallback !== undefined) return fallback
    this.fail(at, "must be a text")
    return ""
  }

  model(value: unknown, name: string, at: string): ProviderModel {
    const data = this.record(value, ["upstream", "maxOutputTokens", "holdsWhole"], at)
    const { maxOutputTokens = MAX_OUTPUT_TOKENS, holdsWhole = false } = data
    if (typeof maxOutputTokens !== "number" || !Number.isInteger(maxOutputTokens) || maxOutputTokens < 1) {
      this.fail(`${at}.maxOutputTokens`, "must be a whole number of at least 1")
    }
    if (typeof holdsWhole !== "boolean") this.fail(`${at}.holdsWhole`, "must be true or false")
    return {
      upstream: this.text(data["upstream"], name, `${at}.upstream`),
      maxOutputTokens: Number(maxOutputTokens),
      holdsWhole: holdsWhole === true,
    }
  }

  provider(value: unknown, at: string): Provider {
    const data = this.record(value, ["name", "kind", "baseUrl", "keyFrom", "limitField", "models", "otherModels"], at)
    const kind = data["kind"] ?? "openai-compatible"
    if (kind !== "openai-compatible" && kind !== "simulated") {
      this.fail(`${at}.kind`, "must be openai-compatible or simulated")
    }
    const limitField = data["limitField"] ?? "max_completion_tokens"
    if (limitField !== "max_tokens" && limitField !== "max_completion_tokens") {
      this.fail(`${at}.limitField`, "must be max_tokens or max_completion_tokens")
    }
    const name = this.text(data["name"], undefined, `${at}.name`)
    if (!NAME.test(name)) this.fail(`${at}.name`, "must be a short name in lower case")
    const isSimulated = kind === "simulated"
    const baseUrl = this.text(data["baseUrl"], isSimulated ? "simulated" : undefined, `${at}.baseUrl`)
    if (!isSimulated && !/^https?:\/\//.test(baseUrl)) this.fail(`${at}.baseUrl`, "must be an http(s) address")
    const models = this.record(data["models"] ?? {}, Object.keys(data["models"] ?? {}), `${at}.models`)
    const others = data["otherModels"]
    return {
      name,
      kind: isSimulated ? "simulated" : "openai-compatible",
      baseUrl: isSimulated ? "" : baseUrl.replace(/\/+$/, ""),
      keyFrom: data["keyFrom"] === undefined ? "" : this.text(data["keyFrom"], undefined, `${at}.keyFrom`),
      limitField: limitField === "max_tokens" ? limitField : "max_completion_tokens",
      models: new Map(
        Object.entries(models).map(([model, row]) => [model, this.model(row, model, `${at}.models.${model}`)]),
      ),
      others: others === undefined ? null : this.model(others, "(its own name)", `${at}.otherModels`),
    }
  }
}

/** Reads a parsed providers file: `{"providers": [...]}`. The first one that knows a model answers for it. */
export const readProviders = (value: unknown): ReadonlyArray<Provider> | ProvidersInvalid => {
  const reader = new Reader()
  const { providers } = reader.record(value, ["providers"], "the file")
  if (!Array.isArray(providers) || providers.length === 0) reader.fail("providers", "must be a list of at least one")
  const read = Array.isArray(providers)
    ? providers.map((provider, i) => reader.provider(provider, `providers[${i}]`))
    : []
  return reader.problem === null ? read : { invalid: reader.problem }
}

/** Who answers for a model that has a price; null: nobody. */
export const routeOf = (providers: ReadonlyArray<Provider>, model: string): Route | null => {
  for (const provider of providers) {
    const row = provider.models.get(model)
    if (row !== undefined) return { provider, model: row }
  }
  for (const provider of providers) {
    if (provider.others !== null) return { provider, model: { ...provider.others, upstream: model } }
  }
  return null
}
