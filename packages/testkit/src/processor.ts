/** What goes wrong at the sandbox's card processor, told to it over its own control calls. */

/** A rule of the processor's fault plan (packages/sandbox-processor): which requests or webhooks, and what happens. */
export interface ProcessorFault {
  readonly match: Readonly<Record<string, unknown>>
  readonly fault: { readonly kind: string } & Readonly<Record<string, unknown>>
  readonly times?: number
  readonly after?: number
}

/** Replaces the fault plan; an empty one ends all faults. */
export const setProcessorFaults = async (processorUrl: string, rules: ReadonlyArray<ProcessorFault>): Promise<void> => {
  const response = await fetch(new URL("/__sandbox/faults", processorUrl), {
    method: "POST",
    body: JSON.stringify({ rules }),
  })
  if (!response.ok) throw new Error(`the processor takes no such faults: ${await response.text()}`)
}
