/** What a host answers by itself, as text: the worker is not asked. */
export const OVERLOADED = JSON.stringify({
  refused: { code: "overloaded", detail: "too many requests wait; try again", retryAfter: 100 },
})

/** Not `overloaded`: callers would repeat it at once, and space is not back in seconds. */
export const NO_SPACE = JSON.stringify({
  refused: {
    code: "unavailable",
    detail: "disk space is low: nothing new is promised until there is room",
    // A person has to make room.
    retryAfter: 30_000,
  },
})
