/**
 * Which methods an address answers: every route is noted while it is added, endpoint or not, so that a wrong method is
 * told apart from a wrong address. Owns no route.
 */
import { Context, Effect, Layer } from "effect"
import { FindMyWay, HttpRouter } from "effect/http"

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

export class AllowedMethods extends Context.Service<
  AllowedMethods,
  {
    readonly note: (method: string, path: HttpRouter.PathInput) => void
    /** None: there is no such address. */
    readonly of: (url: string) => ReadonlyArray<string>
  }
>()("edge/AllowedMethods") {
  static readonly layer = Layer.sync(AllowedMethods, () => {
    const known = FindMyWay.make<true>()
    return AllowedMethods.of({
      note: (method, path) => known.on(method, path, true),
      // Who answers GET answers HEAD.
      of: (url) =>
        METHODS.filter((method) => known.find(method, url) !== undefined).flatMap((method) =>
          method === "GET" ? [method, "HEAD"] : [method],
        ),
    })
  })
}

/** The router as it is, taking notes. */
export const notedRouter = Layer.effect(
  HttpRouter.HttpRouter,
  Effect.gen(function* () {
    const router = yield* HttpRouter.HttpRouter
    const { note } = yield* AllowedMethods
    return HttpRouter.HttpRouter.of({
      ...router,
      add: (method, path, handler, options) => {
        note(method, path)
        return router.add(method, path, handler, options)
      },
      addAll: (routes) => {
        for (const { method, path } of routes) note(method, path)
        return router.addAll(routes)
      },
    })
  }),
)
