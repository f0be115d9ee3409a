/** Notifications: the inbox, and what comes where. */
import { Inbox } from "../features/notifications/inbox.tsx"
import { PreferencesCard } from "../features/notifications/preferences.tsx"

export const NotificationsPage = () => (
  <div className="grid gap-8">
    <div>
      <h1>Notifications</h1>
      <p className="mt-2 text-soft">What happened to your plan, your credits and your card.</p>
    </div>
    <div className="grid items-start gap-10 lg:grid-cols-[1.5fr_1fr]">
      <Inbox />
      <PreferencesCard />
    </div>
  </div>
)
