/** The one place the command line's configuration is read. Where the running system is, is decided in `system.ts`. */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"

/** Where `npm start` keeps its data, from whatever folder this is called; the same from `src` and from `dist`. */
const CHECKOUT_DATA = fileURLToPath(new URL("../../../.data", import.meta.url))

export const OpsConfig = Config.all({
  /** Where the running system keeps `run.json`, and the command line its own `ops.db`. */
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(
    Config.withDefault(CHECKOUT_DATA),
    Config.map((dir) => resolve(dir)),
  ),
  /** Set: an external NATS; `CREDITS_NATS_SEED` is then the ops user's nkey seed. */
  natsUrl: Config.String("CREDITS_NATS_URL").pipe(Config.option, Config.map(Option.getOrUndefined)),
  natsSeed: Config.Redacted("CREDITS_NATS_SEED").pipe(Config.option, Config.map(Option.getOrUndefined)),
  databaseUrl: Config.Redacted("CREDITS_DATABASE_URL").pipe(Config.option, Config.map(Option.getOrUndefined)),
})

export type OpsConfig = Config.Success<typeof OpsConfig>
