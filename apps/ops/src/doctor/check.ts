/** What one look of the doctor says. `repair` is what a person can do; every failing check has one. */

export type CheckStatus = "ok" | "warn" | "fail" | "skipped"

export interface Check {
  readonly name: string
  readonly status: CheckStatus
  readonly detail: string
  readonly repair?: string
}

export const ok = (name: string, detail: string): Check => ({ name, status: "ok", detail })
export const warn = (name: string, detail: string, repair: string): Check => ({ name, status: "warn", detail, repair })
export const fail = (name: string, detail: string, repair: string): Check => ({ name, status: "fail", detail, repair })
export const skipped = (name: string, detail: string): Check => ({ name, status: "skipped", detail })
