/** Plans in words. */
import type { Plan } from "@credits/contracts/http"

export const planName = (plans: ReadonlyArray<Plan> | undefined, id: string): string =>
  plans?.find((plan) => plan.id === id)?.name ?? (id === "" ? id : id[0]!.toUpperCase() + id.slice(1))

export type Interval = "monthly" | "yearly"
