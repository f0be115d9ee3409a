/**
 * A part of a page that is fetched when it is shown. A connection that is away meanwhile takes no more than this part
 * with it: it is fetched again until it is there, and what waits for it goes on waiting.
 */
import { type ComponentType, lazy, type LazyExoticComponent } from "react"

const AGAIN_MS = 2_000
/** An hour: a part that is then still not there is a defect, and is to be seen. */
const TIMES_MAX = 1_800

const insist = async <A,>(load: () => Promise<A>): Promise<A> => {
  for (let times = 1; ; times++) {
    try {
      return await load()
    } catch (error) {
      // Not fetched, in every browser's words; what was fetched and failed by itself is told at once.
      if (!(error instanceof TypeError) || times === TIMES_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}

export const later = <P extends object>(load: () => Promise<ComponentType<P>>): LazyExoticComponent<ComponentType<P>> =>
  lazy(async () => ({ default: await insist(load) }))
