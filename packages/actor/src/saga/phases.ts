/** How many actors are in which phase, kept up by commits. Owns counts only. */
export type PhaseCounts = Readonly<Record<string, Readonly<Record<string, number>>>>

export class Phases {
  readonly #counts: Record<string, Record<string, number>> = {}

  add(phases: Readonly<Record<string, string>>, count: number): void {
    for (const drawing in phases) {
      const counts = (this.#counts[drawing] ??= {})
      counts[phases[drawing]!] = (counts[phases[drawing]!] ?? 0) + count
    }
  }

  get counts(): PhaseCounts {
    return structuredClone(this.#counts)
  }
}
