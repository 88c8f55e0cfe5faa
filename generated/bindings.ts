// Made from contracts/chat-api.yaml by `npm run generate`. Do not edit.

import type { Handler } from '../src/http/handler.js'

/** Every operation of the contract, by its operationId. */
export const operations = {
  createTurn: {"method":"POST","path":"/api/{user_id}/chat","secured":true,"body":true,"queryDefaults":{},"headers":["Idempotency-Key"]},
  getTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}","secured":true,"body":false,"queryDefaults":{},"headers":[]},
  cancelTurn: {"method":"POST","path":"/api/{user_id}/turns/{turn_id}/cancel","secured":true,"body":false,"queryDefaults":{},"headers":[]},
  listConversations: {"method":"GET","path":"/api/{user_id}/conversations","secured":true,"body":false,"queryDefaults":{"archived":false,"limit":20},"headers":[]},
  getConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":false,"queryDefaults":{},"headers":[]},
  deleteConversation: {"method":"DELETE","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":false,"queryDefaults":{},"headers":[]},
  updateConversation: {"method":"PATCH","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":true,"queryDefaults":{},"headers":[]},
  listMessages: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/messages","secured":true,"body":false,"queryDefaults":{"order":"asc","limit":20},"headers":[]},
  getLiveness: {"method":"GET","path":"/health/live","secured":false,"body":false,"queryDefaults":{},"headers":[]},
  getReadiness: {"method":"GET","path":"/health/ready","secured":false,"body":false,"queryDefaults":{},"headers":[]},
} as const

/** One handler for every operation: a missing or misnamed one does not compile. */
export interface Handlers {
  createTurn: Handler<'createTurn'>
  getTurn: Handler<'getTurn'>
  cancelTurn: Handler<'cancelTurn'>
  listConversations: Handler<'listConversations'>
  getConversation: Handler<'getConversation'>
  deleteConversation: Handler<'deleteConversation'>
  updateConversation: Handler<'updateConversation'>
  listMessages: Handler<'listMessages'>
  getLiveness: Handler<'getLiveness'>
  getReadiness: Handler<'getReadiness'>
}
