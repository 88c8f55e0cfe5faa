// Made from contracts/chat-api.yaml by `npm run generate`. Do not edit.

/** Every operation of the contract, by its operationId. */
export const operations = {
  createTurn: {"method":"POST","path":"/api/{user_id}/chat","secured":true,"consumes":["application/json"],"queryDefaults":{},"headers":["Idempotency-Key"],"produces":["application/json","text/event-stream"]},
  streamNewTurn: {"method":"POST","path":"/api/{user_id}/chat/stream","secured":true,"consumes":["application/json"],"queryDefaults":{},"headers":["Idempotency-Key"],"produces":["text/event-stream"]},
  getTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  streamTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}/stream","secured":true,"consumes":[],"queryDefaults":{},"headers":["Last-Event-ID"],"produces":["text/event-stream"]},
  cancelTurn: {"method":"POST","path":"/api/{user_id}/turns/{turn_id}/cancel","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json","application/json"]},
  listConversations: {"method":"GET","path":"/api/{user_id}/conversations","secured":true,"consumes":[],"queryDefaults":{"archived":false,"limit":20},"headers":[],"produces":["application/json"]},
  createConversation: {"method":"POST","path":"/api/{user_id}/conversations","secured":true,"consumes":["application/json"],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  getConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  deleteConversation: {"method":"DELETE","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":[]},
  updateConversation: {"method":"PATCH","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"consumes":["application/json","application/merge-patch+json"],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  forkConversation: {"method":"POST","path":"/api/{user_id}/conversations/{conversation_id}/fork","secured":true,"consumes":["application/json"],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  streamConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/stream","secured":true,"consumes":[],"queryDefaults":{},"headers":["Last-Event-ID"],"produces":["text/event-stream"]},
  listTurns: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/turns","secured":true,"consumes":[],"queryDefaults":{"order":"asc","limit":20},"headers":[],"produces":["application/json"]},
  listMessages: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/messages","secured":true,"consumes":[],"queryDefaults":{"order":"asc","branch":"active","limit":20},"headers":[],"produces":["application/json"]},
  getMessage: {"method":"GET","path":"/api/{user_id}/messages/{message_id}","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  listModels: {"method":"GET","path":"/api/{user_id}/models","secured":true,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  listUsage: {"method":"GET","path":"/api/{user_id}/usage","secured":true,"consumes":[],"queryDefaults":{"limit":20},"headers":[],"produces":["application/json"]},
  getLiveness: {"method":"GET","path":"/health/live","secured":false,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  getReadiness: {"method":"GET","path":"/health/ready","secured":false,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
  getToolKeys: {"method":"GET","path":"/.well-known/jwks.json","secured":false,"consumes":[],"queryDefaults":{},"headers":[],"produces":["application/json"]},
} as const
