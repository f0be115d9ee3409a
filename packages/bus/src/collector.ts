/**
 * How a service's collector counts the buffers that messages come and go in. By itself V8 begins a collection of the
 * whole heap with every 64 MiB of them, however small the heap: five a second while commands were worked off, each
 * marking everything that lives (a third of the CPU of the ledger's main thread and all of its helpers'). Counted with
 * the heap they are collected when the heap is, and those that die young with the nursery as ever.
 */
import { setFlagsFromString } from "node:v8"

/** For the whole process, its threads too. */
export const countBuffersWithHeap = (): void => setFlagsFromString("--external-memory-accounted-in-global-limit")
