/**
 * One request's unit of work: reads through to the store, collects what changed, and hands it over at once. Nothing is
 * written while an operation runs, so one that fails half-way leaves no trace.
 */
import type Stripe from "stripe"
import {
  API_VERSION,
  type ApiObject,
  type BookEntry,
  type CardState,
  customerOf,
  type Kind,
  linkOf,
  type ObjectOf,
  PREFIX,
} from "./object.ts"
import { resourceMissing } from "./refusal.ts"

export interface StoredObject {
  readonly body: string
  /** JSON of a `CardState`, of payment methods only. */
  readonly card: string | null
  /** What `body` says, once somebody needed it. */
  object?: ApiObject
}

/** Objects are never changed in place, so everybody may have the same one. */
export const objectOf = (stored: StoredObject): ApiObject => (stored.object ??= JSON.parse(stored.body) as ApiObject)

export interface ObjectRow {
  readonly id: string
  readonly object: ApiObject
  /** Where in `Changes.versions` its text is. */
  readonly version: number
  readonly card: string | null
  /** Seconds. */
  readonly created: number
  readonly customer: string | null
  readonly link: string | null
}

export interface EventRow {
  readonly id: string
  readonly created: number
  readonly type: string
  /** All of the event but its `data`, as JSON. */
  readonly head: string
  readonly version: number
  /** An endpoint waits for it. */
  readonly isDelivered: boolean
}

/** An event's JSON: its head with the object as it was. */
export const eventText = (head: string, object: string): string => `${head.slice(0, -1)},"data":{"object":${object}}}`

export interface Changes {
  /** Texts of objects, each once, whatever points at it: the object itself, events, answers. */
  readonly versions: ReadonlyArray<string>
  readonly objects: ReadonlyArray<ObjectRow>
  readonly events: ReadonlyArray<EventRow>
  readonly booked: ReadonlyArray<BookEntry>
}

/** What an operation may ask the store. */
export interface Reader {
  object(id: string): StoredObject | undefined
  bookEntry(id: string): BookEntry | undefined
  /** Ids of a kind by their link, newest first. */
  linked(kind: Kind, link: string): ReadonlyArray<string>
}

export interface WorkInputs {
  readonly reader: Reader
  /** Business time (ms), never before an earlier one. */
  readonly nowMs: number
  /** The rest of an id after its prefix; later ones sort later. */
  readonly nextId: () => string
  /** Unguessable text for client secrets. */
  readonly nextSecret: () => string
  readonly requestId: string
  readonly idempotencyKey: string | null
  /** Whether an endpoint will be told of such an event. */
  readonly isDelivered: (type: string) => boolean
}

/** A stored card's behaviour cannot be lost. */
class ObjectBroken extends Error {
  constructor(id: string) {
    super(`${id} is stored without its card`)
    this.name = "ObjectBroken"
  }
}

export class Work {
  readonly nowMs: number
  /** Seconds, as the API stamps. */
  readonly created: number
  /** Set by a charge whose answers never arrive. */
  answersLost = 0
  readonly #inputs: WorkInputs
  readonly #objects = new Map<string, ApiObject>()
  readonly #cards = new Map<string, CardState>()
  readonly #events: Array<EventRow> = []
  readonly #booked = new Map<string, BookEntry>()
  readonly #versions: Array<string> = []
  readonly #numbers = new Map<ApiObject, number>()
  /** Objects are never changed in place, so their text is their own. */
  readonly #texts = new WeakMap<ApiObject, string>()

  constructor(inputs: WorkInputs) {
    this.#inputs = inputs
    this.nowMs = inputs.nowMs
    this.created = Math.floor(inputs.nowMs / 1_000)
  }

  newId(kind: Kind): string {
    return PREFIX[kind] + this.#inputs.nextId()
  }

  clientSecret(id: string): string {
    return `${id}_secret_${this.#inputs.nextSecret()}`
  }

  find<K extends Kind>(kind: K, id: string): ObjectOf<K> | undefined {
    if (!id.startsWith(PREFIX[kind])) return undefined
    const own = this.#objects.get(id)
    if (own !== undefined) return own as ObjectOf<K>
    const stored = this.#inputs.reader.object(id)
    if (stored === undefined) return undefined
    const object = objectOf(stored) as ObjectOf<K>
    this.#objects.set(id, object)
    this.#texts.set(object, stored.body)
    if (stored.card !== null) this.#cards.set(id, JSON.parse(stored.card) as CardState)
    return object
  }

  /** @throws Refusal `resource_missing`: 404 when the id stood in the path, else 400. */
  get<K extends Kind>(kind: K, id: string, param: string, inPath = false): ObjectOf<K> {
    const found = this.find(kind, id)
    if (found === undefined) throw resourceMissing(kind, id, param, inPath)
    return found
  }

  linked<K extends Kind>(kind: K, link: string): ReadonlyArray<ObjectOf<K>> {
    return this.#inputs.reader.linked(kind, link).flatMap((id) => this.find(kind, id) ?? [])
  }

  card(paymentMethod: Stripe.PaymentMethod): CardState {
    const card = this.#cards.get(paymentMethod.id)
    if (card === undefined) throw new ObjectBroken(paymentMethod.id)
    return card
  }

  #changed = new Set<string>()

  save<O extends ApiObject>(object: O): O {
    this.#objects.set(object.id, object)
    this.#changed.add(object.id)
    return object
  }

  saveCard(paymentMethod: Stripe.PaymentMethod, card: CardState): void {
    this.#cards.set(paymentMethod.id, card)
    this.save(paymentMethod)
  }

  textOf(object: ApiObject): string {
    const known = this.#texts.get(object)
    if (known !== undefined) return known
    const text = JSON.stringify(object)
    this.#texts.set(object, text)
    return text
  }

  #versionOf(object: ApiObject): number {
    const known = this.#numbers.get(object)
    if (known !== undefined) return known
    const number = this.#versions.push(this.textOf(object)) - 1
    this.#numbers.set(object, number)
    return number
  }

  /** Where in `Changes.versions` an object's text is; undefined when this work did not write it. */
  writtenVersion(object: ApiObject): number | undefined {
    return this.#numbers.get(object)
  }

  /** An event with the object as it is now. */
  emit(type: Stripe.Event.Type, object: ApiObject): void {
    const id = PREFIX.event + this.#inputs.nextId()
    const isDelivered = this.#inputs.isDelivered(type)
    const head = {
      id,
      object: "event",
      api_version: API_VERSION,
      created: this.created,
      livemode: false,
      pending_webhooks: isDelivered ? 1 : 0,
      request: { id: this.#inputs.requestId, idempotency_key: this.#inputs.idempotencyKey },
      type,
    } satisfies Omit<Stripe.EventBase, "data">
    const version = this.#versionOf(object)
    this.#events.push({ id, created: this.created, type, head: JSON.stringify(head), version, isDelivered })
  }

  book(entry: BookEntry): void {
    this.#booked.set(entry.id, entry)
  }

  bookEntry(id: string): BookEntry | undefined {
    return this.#booked.get(id) ?? this.#inputs.reader.bookEntry(id)
  }

  changes(): Changes {
    const objects = [...this.#changed].map((id): ObjectRow => {
      const object = this.#objects.get(id)!
      const card = this.#cards.get(id)
      return {
        id,
        object,
        created: object.created,
        customer: customerOf(object),
        link: linkOf(object),
        version: this.#versionOf(object),
        card: card === undefined ? null : JSON.stringify(card),
      }
    })
    return { versions: this.#versions, objects, events: this.#events, booked: [...this.#booked.values()] }
  }
}
