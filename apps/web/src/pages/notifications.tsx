/** Notifications. */
export const NotificationsPage = () => <h1>Notifications</h1>
