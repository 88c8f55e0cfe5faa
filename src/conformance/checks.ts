import type { Check } from './check.js'
import { answerChecks } from './checks/answers.js'
import { assistantChecks } from './checks/assistants.js'
import { authenticationChecks } from './checks/authentication.js'
import { bodyChecks } from './checks/bodies.js'
import { branchChecks } from './checks/branches.js'
import { conversationChecks } from './checks/conversations.js'
import { erasureChecks } from './checks/erasure.js'
import { expiryChecks } from './checks/expiry.js'
import { exportChecks } from './checks/exports.js'
import { feedbackChecks } from './checks/feedback.js'
import { idempotencyChecks } from './checks/idempotency.js'
import { importChecks } from './checks/imports.js'
import { isolationChecks } from './checks/isolation.js'
import { messageChecks } from './checks/messages.js'
import { modelAndUsageChecks } from './checks/models-and-usage.js'
import { pagingChecks } from './checks/paging.js'
import { requestChecks } from './checks/request-checks.js'
import { routeChecks } from './checks/routes.js'
import { runningTurnChecks } from './checks/running-turns.js'
import { searchChecks } from './checks/search.js'
import { stoppedTurnChecks } from './checks/stopped-turns.js'
import { streamChecks } from './checks/streams.js'
import { updateChecks } from './checks/updates.js'
import type { Contract } from './contract.js'
import { generatedChecks } from './generated/checks.js'

/** Every check, in the order in which they run. */
export const allChecks = (contract: Contract): Check[] => [
  ...answerChecks(contract),
  ...conversationChecks,
  ...expiryChecks,
  ...messageChecks,
  ...feedbackChecks,
  ...exportChecks,
  ...importChecks,
  ...branchChecks,
  ...modelAndUsageChecks,
  ...assistantChecks,
  ...idempotencyChecks,
  ...pagingChecks,
  ...searchChecks,
  ...streamChecks,
  ...runningTurnChecks,
  ...stoppedTurnChecks,
  ...updateChecks,
  ...isolationChecks(contract),
  ...authenticationChecks(contract),
  ...routeChecks(contract),
  ...requestChecks(contract),
  ...bodyChecks(contract),
  ...generatedChecks(contract),
  ...erasureChecks,
]
