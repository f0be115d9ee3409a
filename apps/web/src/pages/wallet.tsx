/** Wallet. */
export const WalletPage = () => <h1>Wallet</h1>
