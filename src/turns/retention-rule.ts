/** How long conversations are kept after their last turn; expiry_of.sql reads it. */
export interface RetentionRule {
  days: number
  keeps_pinned: boolean
  keeps_archived: boolean
}
