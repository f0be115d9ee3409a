/**
 * What a customer wants to be told where (R11). Pure. Owns that what is about money cannot be turned off, and what
 * holds for who said nothing: everything, everywhere.
 */
import {
  FIXED_GROUPS,
  NOTIFICATION_GROUPS,
  type GroupPreference,
  type NotificationGroup,
  type NotificationsRefusal,
  type PreferencesView,
  type SetPreferences,
} from "@credits/contracts"

export interface Wanted {
  readonly inApp: boolean
  readonly email: boolean
}
export type Preferences = ReadonlyMap<string, Wanted>

const EVERYWHERE: Wanted = { inApp: true, email: true }

/** A row of before its group became fixed says nothing. */
export const wantedOf = (preferences: Preferences, group: NotificationGroup): Wanted =>
  FIXED_GROUPS.has(group) ? EVERYWHERE : (preferences.get(group) ?? EVERYWHERE)

export const preferencesView = (preferences: Preferences): PreferencesView => {
  const groups = NOTIFICATION_GROUPS.map((group): [NotificationGroup, GroupPreference] => [
    group,
    { ...wantedOf(preferences, group), isFixed: FIXED_GROUPS.has(group) },
  ])
  return { groups: Object.fromEntries(groups) as Record<NotificationGroup, GroupPreference> }
}

/** The groups that are said something about, as they are then; or the first that takes no `false`. */
export const changed = (
  preferences: Preferences,
  groups: SetPreferences["groups"],
):
  | { readonly ok: ReadonlyArray<readonly [NotificationGroup, Wanted]> }
  | { readonly refused: NotificationsRefusal } => {
  const said = NOTIFICATION_GROUPS.flatMap((group) => {
    const wish = groups[group]
    return wish === undefined ? [] : [{ group, wish }]
  })
  for (const { group, wish } of said) {
    const channel = FIXED_GROUPS.has(group) ? (["inApp", "email"] as const).find((name) => wish[name] === false) : null
    if (channel !== null && channel !== undefined) {
      const detail = "what is about your money is always told"
      return { refused: { code: "preference_fixed", field: `groups.${group}.${channel}`, detail } }
    }
  }
  const ok = said
    .filter(({ group }) => !FIXED_GROUPS.has(group))
    .map(({ group, wish }) => [group, { ...wantedOf(preferences, group), ...wish }] as const)
  return { ok }
}
