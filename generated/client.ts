// Made from contracts/chat-api.yaml by `npm run generate`. Do not edit.

/** How the client calls every operation of the contract, by its operationId. */
export const operations = {
  createTurn: {"method":"POST","path":"/api/{user_id}/chat","body":"application/json","key":true,"answer":"json"},
  streamNewTurn: {"method":"POST","path":"/api/{user_id}/chat/stream","body":"application/json","key":true,"answer":"stream"},
  getTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}","answer":"json"},
  streamTurn: {"method":"GET","path":"/api/{user_id}/turns/{turn_id}/stream","answer":"stream"},
  cancelTurn: {"method":"POST","path":"/api/{user_id}/turns/{turn_id}/cancel","answer":"json"},
  listConversations: {"method":"GET","path":"/api/{user_id}/conversations","query":["archived","metadata","limit","cursor"],"answer":"page"},
  createConversation: {"method":"POST","path":"/api/{user_id}/conversations","body":"application/json","answer":"json"},
  getConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}","answer":"json"},
  deleteConversation: {"method":"DELETE","path":"/api/{user_id}/conversations/{conversation_id}","answer":"none"},
  updateConversation: {"method":"PATCH","path":"/api/{user_id}/conversations/{conversation_id}","body":"application/json","answer":"json"},
  forkConversation: {"method":"POST","path":"/api/{user_id}/conversations/{conversation_id}/fork","body":"application/json","answer":"json"},
  streamConversation: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/stream","answer":"stream"},
  listTurns: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/turns","query":["order","limit","cursor"],"answer":"page"},
  listMessages: {"method":"GET","path":"/api/{user_id}/conversations/{conversation_id}/messages","query":["order","branch","include","limit","cursor"],"answer":"page"},
  getMessage: {"method":"GET","path":"/api/{user_id}/messages/{message_id}","query":["include"],"answer":"json"},
  listModels: {"method":"GET","path":"/api/{user_id}/models","answer":"page"},
  listUsage: {"method":"GET","path":"/api/{user_id}/usage","query":["first_day","last_day","limit","cursor"],"answer":"page"},
  getLiveness: {"method":"GET","path":"/health/live","open":true,"answer":"json"},
  getReadiness: {"method":"GET","path":"/health/ready","open":true,"answer":"json"},
  getToolKeys: {"method":"GET","path":"/.well-known/jwks.json","open":true,"answer":"json"},
} as const
