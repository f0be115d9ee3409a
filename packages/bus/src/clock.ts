/**
 * The one business clock (decision 16): real time plus a persisted offset, or frozen at an instant while a sandbox
 * advance runs. Production never sets it. Leases, timeouts and reconnects use real time, never this.
 */
import { BUCKETS, type ControlAnswer, type ControlRequest } from "@credits/contracts"
import { Context, Effect, Layer } from "effect"
import { isNewer, kvGet, kvPut, kvWatch, type BucketValue } from "./bucket.ts"
import { Bus, type BusHandle } from "./connection.ts"
import { BusRefused } from "./errors.ts"

/** Milliseconds since 1970. `frozenAt` wins over `offset`. */
export interface ClockSetting {
  readonly offset: number
  readonly frozenAt: number | null
}

export const REAL_TIME: ClockSetting = { offset: 0, frozenAt: null }
export const CLOCK_KEY = "clock"

export const clockNow = (setting: ClockSetting, realNow: number): number =>
  setting.frozenAt === null ? realNow + setting.offset : setting.frozenAt

/** @throws BusRefused when the stored text is not a clock setting: time must not be guessed. */
export const parseClockSetting = (text: string): ClockSetting => {
  const refuse = (): never => {
    throw new BusRefused({
      subject: `${BUCKETS.clock}/${CLOCK_KEY}`,
      detail: `not a clock setting: ${text.slice(0, 100)}`,
    })
  }
  let value: { readonly offset?: unknown; readonly frozenAt?: unknown } | null = null
  try {
    value = JSON.parse(text) as typeof value
  } catch {
    return refuse()
  }
  if (value === null || typeof value !== "object") return refuse()
  const { offset, frozenAt } = value
  if (!Number.isSafeInteger(offset)) return refuse()
  if (frozenAt !== null && !Number.isSafeInteger(frozenAt)) return refuse()
  return { offset: offset as number, frozenAt: frozenAt as number | null }
}

const settingOf = (value: BucketValue | undefined): ClockSetting =>
  value === undefined ? REAL_TIME : parseClockSetting(value.text)

export const readClockSetting = async (bus: BusHandle): Promise<ClockSetting> =>
  settingOf(await kvGet(bus, BUCKETS.clock, CLOCK_KEY))

/** Only the owner of the dev clock may do this (permissions). */
export const writeClockSetting = async (bus: BusHandle, setting: ClockSetting): Promise<void> => {
  await kvPut(bus, BUCKETS.clock, CLOCK_KEY, JSON.stringify(setting))
}

export interface RunningClock {
  /** Business time now, milliseconds since 1970. */
  now(): number
  readonly setting: ClockSetting
  /** Reads the setting now instead of when the notification arrives; a clock command must not race its notification. */
  refresh(): Promise<void>
  /** Calls back after every change of the setting until the returned function is called. Absent: it cannot change. */
  onChange?(listener: () => void): () => void
  stop(): void
}

/**
 * Before work of an instant that a clock command named: the clock must not stand before it. Frozen at that instant it
 * stands there already, and most commands of an advance name the same one again.
 */
export const followClock = async (clock: RunningClock, now: number): Promise<void> => {
  if (clock.setting.frozenAt !== now) await clock.refresh()
}

/** Clocks of machines that are kept in time differ by less. */
const SKEW_MS = 60_000

/**
 * Before work for somebody whose instant is `askedAt`: when the clock is moved, services hear of it one after the
 * other, and what is begun at the old instant would be as old as the move a moment later.
 */
export const catchUpClock = async (clock: RunningClock, askedAt: number): Promise<void> => {
  if (askedAt - clock.now() > SKEW_MS) await clock.refresh()
}

/** The clock for code without Effect (worker threads). `onChange` after every change of the setting. */
export const startClock = async (
  bus: BusHandle,
  onChange: (setting: ClockSetting) => void = () => undefined,
): Promise<RunningClock> => {
  let setting = REAL_TIME
  let known: BucketValue | undefined
  const listeners = new Set<() => void>()
  /** The newer one stays, and none says nothing. */
  const set = (value: BucketValue | undefined): void => {
    const next = settingOf(value)
    if (value === undefined || !isNewer(value, known)) return
    known = value
    const isOther = next.offset !== setting.offset || next.frozenAt !== setting.frozenAt
    setting = next
    if (isOther) for (const listener of listeners) listener()
  }
  const watch = await kvWatch(bus, BUCKETS.clock, CLOCK_KEY, (value) => {
    set(value)
    onChange(setting)
  })
  return {
    now: () => clockNow(setting, Date.now()),
    get setting() {
      return setting
    },
    refresh: async () => set(await kvGet(bus, BUCKETS.clock, CLOCK_KEY)),
    onChange: (listener) => {
      // The same function given twice is two listeners.
      const own = (): void => listener()
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    stop: () => watch.stop(),
  }
}

/** What a service with due work of its own has to say for its control subject. */
export interface ControlParts {
  readonly clock: RunningClock
  readonly status: () => Promise<ControlAnswer>
  /** The same without metrics: the answer of `clock`. */
  readonly rest: () => Promise<ControlAnswer>
  readonly runDue: (now: number) => Promise<void>
}

/** Answers a control question; when the clock was moved, everything due runs before the answer (decision 16). */
export const answerControl = async ({ clock, status, rest, runDue }: ControlParts, text: string): Promise<string> => {
  const request = JSON.parse(text) as ControlRequest
  if (request.op !== "clock") return JSON.stringify(await status())
  await followClock(clock, request.now)
  if (request.run) await runDue(request.now)
  return JSON.stringify(await rest())
}

/** A clock that cannot be set: production. */
export const realClock: RunningClock = {
  now: () => Date.now(),
  setting: REAL_TIME,
  refresh: async () => undefined,
  stop: () => undefined,
}

export class BusinessClock extends Context.Service<BusinessClock, RunningClock>()("bus/BusinessClock") {
  /** Production: real time, no bucket is read. */
  static readonly layerReal = Layer.succeed(BusinessClock, realClock)

  /** Development and sandbox: follows the bucket. */
  static readonly layerSettable = Layer.effect(
    BusinessClock,
    Effect.gen(function* () {
      const bus = yield* Bus
      return yield* Effect.acquireRelease(Effect.tryPromise(() => startClock(bus)).pipe(Effect.orDie), (clock) =>
        Effect.sync(() => clock.stop()),
      )
    }),
  )

  /** `environment` is CREDITS_ENV. */
  static readonly layer = (environment: string) => (environment === "production" ? this.layerReal : this.layerSettable)
}
