import type { Handlers } from '../http/handler.js'
import { cancelTurn } from './cancel-turn.js'
import { createConversation } from './create-conversation.js'
import { createTurn } from './create-turn.js'
import { deleteConversation } from './delete-conversation.js'
import type { Deps } from './deps.js'
import { eraseUser } from './erase-user.js'
import { exportConversation } from './export-conversation.js'
import { exportUser } from './export-user.js'
import { forkConversation } from './fork-conversation.js'
import { getConversation } from './get-conversation.js'
import { getLiveness } from './get-liveness.js'
import { getMessage } from './get-message.js'
import { getReadiness } from './get-readiness.js'
import { getToolKeys } from './get-tool-keys.js'
import { getTurn } from './get-turn.js'
import { importUser } from './import-user.js'
import { listAssistants } from './list-assistants.js'
import { listConversations } from './list-conversations.js'
import { listMessages } from './list-messages.js'
import { listModels } from './list-models.js'
import { listTurns } from './list-turns.js'
import { listUsage } from './list-usage.js'
import { rateMessage } from './rate-message.js'
import { searchMessages } from './search-messages.js'
import { streamConversation } from './stream-conversation.js'
import { streamNewTurn } from './stream-new-turn.js'
import { streamTurn } from './stream-turn.js'
import { streamUpdates } from './stream-updates.js'
import { updateConversation } from './update-conversation.js'

/** All handlers: a missing or misnamed one does not compile. */
export const createHandlers = (deps: Deps) =>
  ({
    createTurn: createTurn(deps),
    getTurn: getTurn(deps),
    streamTurn: streamTurn(deps),
    cancelTurn: cancelTurn(deps),
    listConversations: listConversations(deps),
    getConversation: getConversation(deps),
    updateConversation: updateConversation(deps),
    deleteConversation: deleteConversation(deps),
    streamConversation: streamConversation(deps),
    listMessages: listMessages(deps),
    listUsage: listUsage(deps),
    createConversation: createConversation(deps),
    forkConversation: forkConversation(deps),
    getMessage: getMessage(deps),
    listModels: listModels(deps),
    listAssistants: listAssistants(deps),
    listTurns: listTurns(deps),
    streamNewTurn: streamNewTurn(deps),
    streamUpdates: streamUpdates(deps),
    rateMessage: rateMessage(deps),
    importUser: importUser(deps),
    exportUser: exportUser(deps),
    exportConversation: exportConversation(deps),
    eraseUser: eraseUser(deps),
    searchMessages: searchMessages(deps),
    getLiveness: getLiveness(),
    getReadiness: getReadiness(deps),
    getToolKeys: getToolKeys(deps),
  }) satisfies Handlers
