/** Who answers: host and process, for people who look at several machines (`credits top`). */
import { hostname } from "node:os"

export const processName = `${hostname()} ${process.pid}`
