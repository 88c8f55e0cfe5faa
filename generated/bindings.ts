// Made from contracts/chat-api.yaml by `npm run generate`. Do not edit.

/** Every operation of the contract, by its operationId. */
export const operations = {
  createTurn: {"method":"POST","path":"/api/{user_id}/chat","secured":true,"body":true,"queryDefaults":{},"headers":["Idempotency-Key"],"produces":["application/json","text/event-stream"]},
  getTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}","secured":true,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json"]},
  streamTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}/stream","secured":true,"body":false,"queryDefaults":{},"headers":["Last-Event-ID"],"produces":["text/event-stream"]},
  cancelTurn: {"method":"POST","path":"/api/{user_id}/turns/{turn_id}/cancel","secured":true,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json","application/json"]},
  listConversations: {"method":"GET","path":"/api/{user_id}/conversations","secured":true,"body":false,"queryDefaults":{"archived":false,"limit":20},"headers":[],"produces":["application/json"]},
  getConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json"]},
  deleteConversation: {"method":"DELETE","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":false,"queryDefaults":{},"headers":[],"produces":[]},
  updateConversation: {"method":"PATCH","path":"/api/{user_id}/conversations/{conversation_id}","secured":true,"body":true,"queryDefaults":{},"headers":[],"produces":["application/json"]},
  streamConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/stream","secured":true,"body":false,"queryDefaults":{},"headers":["Last-Event-ID"],"produces":["text/event-stream"]},
  listMessages: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/messages","secured":true,"body":false,"queryDefaults":{"order":"asc","limit":20},"headers":[],"produces":["application/json"]},
  getUsage: {"method":"GET","path":"/api/{user_id}/usage","secured":true,"body":false,"queryDefaults":{"limit":20},"headers":[],"produces":["application/json"]},
  getLiveness: {"method":"GET","path":"/health/live","secured":false,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json"]},
  getReadiness: {"method":"GET","path":"/health/ready","secured":false,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json"]},
  getToolKeys: {"method":"GET","path":"/.well-known/jwks.json","secured":false,"body":false,"queryDefaults":{},"headers":[],"produces":["application/json"]},
} as const
