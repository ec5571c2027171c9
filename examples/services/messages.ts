/** The tubes between the services. */
export const TUBES = ['orders', 'priced'] as const

/** From the shop to the pricing. */
export interface Order {
  readonly id: string
  readonly pieces: number
}

/** From the pricing to the ledger. */
export interface PricedOrder extends Order {
  readonly cents: number
}

export const CENTS_A_PIECE = 250
