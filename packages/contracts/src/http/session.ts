/**
 * The browser's session (contract section 3): who is signed in, and signing out. Needs no credential: nobody is
 * signed in without one.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BadRequest, Unavailable, WrongScope } from "./problem.ts"
import { NoBody } from "./scalars.ts"

/** `name` and `email` as they were at the last sign-in; empty where the issuer told none. */
export const SessionUser = Schema.Struct({ id: Schema.String, name: Schema.String, email: Schema.String }).annotate({
  identifier: "SessionUser",
})
export type SessionUser = typeof SessionUser.Type

export const Session = Schema.NullOr(Schema.Struct({ user: SessionUser })).annotate({ identifier: "Session" })
export type Session = typeof Session.Type

export class SessionGroup extends HttpApiGroup.make("session")
  .add(
    HttpApiEndpoint.get("show", "/get-session", { success: Session, error: [WrongScope, Unavailable] }).annotate(
      OpenApi.Summary,
      "Who is signed in; null when nobody is",
    ),
    HttpApiEndpoint.post("signOut", "/sign-out", {
      payload: NoBody,
      success: Schema.Struct({ success: Schema.Literal(true) }),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "End the session of the cookie; without one it changes nothing"),
  )
  .prefix("/api/auth") {}
