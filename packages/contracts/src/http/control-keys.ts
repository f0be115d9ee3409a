/** Control keys: an account's own keys for reading its wallet from programs (contract section 2). Made by a person. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CustomerAuth } from "./credentials.ts"
import { BadRequest, NotFound, StepUpRequired, Unavailable, WrongScope } from "./problem.ts"
import { InstantParameter, InstantText } from "./scalars.ts"

const described = {
  id: Schema.String,
  name: Schema.String,
  /** How the key begins, by which it is recognised in a configuration or a leak. */
  prefix: Schema.String,
  createdAt: InstantText,
  /** Null: never. */
  expiresAt: Schema.NullOr(InstantText),
  /** At most a minute behind. */
  lastUsedAt: Schema.NullOr(InstantText),
}

/** A key that was not revoked as lists show it: never the secret. An expired one is shown until it is deleted. */
export const ControlKey = Schema.Struct(described).annotate({ identifier: "ControlKey" })

/** `key` is shown this once; only its hash is stored. */
export const NewControlKey = Schema.Struct({ ...described, key: Schema.String }).annotate({
  identifier: "NewControlKey",
})

/** Enough for every machine of a person; more is a program that forgets to delete. */
export const CONTROL_KEYS_MAX = 20

const KeyName = Schema.String.check(
  Schema.isPattern(/^(?!\s)[^\p{C}]{1,60}(?<!\s)$/u, { message: "must be 1–60 printable characters" }),
)

/** Ten years: longer is never. */
export const KEY_DAYS_MAX = 3650
const days = { message: `must be a whole number of days from 1 to ${KEY_DAYS_MAX}` }

export class ControlKeyGroup extends HttpApiGroup.make("controlKeys")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ items: Schema.Array(ControlKey), nextCursor: Schema.Null }),
      error: [WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "The account's control keys, newest first"),
    HttpApiEndpoint.post("create", "/", {
      payload: Schema.Struct({
        name: KeyName,
        expiresAt: Schema.optionalKey(InstantParameter),
        expiresInDays: Schema.optionalKey(
          Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: KEY_DAYS_MAX }, days)),
        ),
      }),
      success: NewControlKey.pipe(HttpApiSchema.status(201)),
      error: [BadRequest, WrongScope, StepUpRequired, Unavailable],
    }).annotate(OpenApi.Summary, "Make a control key; the secret is shown once"),
    HttpApiEndpoint.delete("revoke", "/:keyId", {
      params: { keyId: Schema.String },
      success: HttpApiSchema.NoContent,
      error: [NotFound, WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "Revoke a control key at once"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/control-keys") {}
