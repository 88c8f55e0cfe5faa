// Made from contracts/chat-api.yaml by `npm run generate`. Do not edit.

export interface paths {
    "/api/{user_id}/chat": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message and get the answer
         * @description Begins a turn, runs the model and answers when the turn has ended and is stored. Without `conversation_id` a
         *     new conversation begins; its title is the beginning of the message, one line of at most 80 characters, until the user gives it
         *     another with updateConversation. Where the operator wants it so, the model gives it one, soon after its first turn has completed;
         *     it never replaces one of the user's.
         *
         *     The user's message is durable before the model starts, so it is never lost. When the model fails (`502`), has too much
         *     to do (`503`) or takes too long (`504`), the message and the failed turn, with the text that came before, stay in the
         *     conversation and the problem carries `turn_id` and `conversation_id`. A provider that fails before the first word is asked again a
         *     few times first. If the client goes away, the turn still completes and is stored.
         *
         *     **Concurrent sends.** A conversation runs one turn at a time. A second message waits for its turn, up to a bound
         *     (5 s unless configured otherwise), and then goes on with the first one's answer in its history; past the bound it is
         *     `409 turn-in-progress`.
         *
         *     **Branches.** Messages are never changed. To edit one, send the new text with `parent_id`, the message's own `parent_id`; for another answer send
         *     `regenerate`. What is sent so begins a branch beside the old one, which becomes the active branch: the model is told of this branch alone, and
         *     listMessages lists it. updateConversation goes back to another one.
         *
         *     **Assistants.** A new conversation begins with the `assistant` that the message names, one of listAssistants, or with the default one if there is one. It
         *     stays with the conversation: its system prompt, its tools and its model lead every turn, retries and other answers too. A `model` that the
         *     assistant does not allow is `422`. When the operator has taken the assistant away, or an instance does not know it yet, the conversation
         *     can be read but not continued: `503 assistant-unavailable`.
         *
         *     **Safe retries.** Send an `Idempotency-Key` (a UUID, say) with the message, and repeat the request with the same key and body
         *     as often as you like: one key makes one turn. A key is remembered for 24 hours. While its turn runs, a repeated request waits for
         *     it (past the bound `409 idempotency-key-in-use`); a completed or cancelled turn is answered again, with
         *     `Idempotency-Replayed: true`; a failed or interrupted one is tried again, as long as it is the conversation's last and what
         *     its tools have given so far is no more than 4 MiB, and makes no tool call again that had succeeded. Else it is answered again,
         *     too. Refusals are not remembered.
         *
         *     **Streaming.** With `Accept: text/event-stream` the answer comes as it is written: see StreamEvent. A refusal is still a problem
         *     with its status; once the stream has begun, an `error` event says what the status would have. With a key whose turn is running, the
         *     stream attaches to that turn, however long it takes.
         */
        post: operations["createTurn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/chat/stream": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message and stream the answer
         * @description What createTurn does for `Accept: text/event-stream`, whatever is accepted: for clients that are generated, which know one media type an
         *     operation. Its body, its Idempotency-Key and its refusals are the same, and a key counts for both.
         */
        post: operations["streamNewTurn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/turns/{turn_id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Get a turn
         * @description The turn's status, its error if it failed, and its usage. A running turn whose instance died reads as
         *     `interrupted` once its lease has run out.
         */
        get: operations["getTurn"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/turns/{turn_id}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Stream a turn
         * @description Replays the turn from its first event and then follows it to its end, on any instance, whoever runs it. A turn that has ended is
         *     replayed from what is stored, its text as one delta.
         *
         *     With `Last-Event-ID` the replay goes on after that event. When it cannot (the id is of an older attempt, or the turn has ended and
         *     its events were folded into the message), it starts anew from `start`.
         */
        get: operations["streamTurn"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/turns/{turn_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a turn
         * @description Stops the turn, whichever instance runs it, and keeps the text it has so far. Cancelling a turn that has ended changes nothing;
         *     the answer's `status` says how it ended. Repeating it is safe.
         */
        post: operations["cancelTurn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * List conversations
         * @description The user's conversations by their last turn, newest first, ties by id. Archived ones are listed only with
         *     `archived=true`, and then only they are. Renaming does not reorder. A conversation that gets a turn while you walk the pages
         *     may be missed; none comes twice in a page.
         */
        get: operations["listConversations"];
        put?: never;
        /**
         * Create an empty conversation
         * @description A conversation without messages, for an app that wants its id, its title or its metadata before the first message. createTurn makes one by itself,
         *     so most clients need not call this. Without a title the first message gives it one. Without an `assistant` it has the default one, if there is one.
         */
        post: operations["createConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Get a conversation
         * @description The conversation without its messages; those come from listMessages.
         */
        get: operations["getConversation"];
        put?: never;
        post?: never;
        /**
         * Delete a conversation
         * @description Deletes the conversation with its turns and messages, at once and for good. A turn that is running in it is
         *     given up; whoever waits for that turn gets `404`.
         */
        delete: operations["deleteConversation"];
        options?: never;
        head?: never;
        /**
         * Rename, archive, pin or annotate a conversation, or choose its branch or its end
         * @description Changes what the body names and leaves the rest, in `metadata` too: it is a JSON merge patch (RFC 7396), where null removes a key. Two clients that
         *     write different keys at once keep both. The order of listConversations does not change.
         *
         *     `active_message_id` chooses the branch that listMessages lists and that the next message continues. A summary cannot be chosen (`422`); a message
         *     that the conversation does not have is `404`.
         *
         *     `expires_at` lets the conversation expire: from then on it answers as if it had been deleted. A turn that runs then is not stopped, and its stream can be followed to its end.
         */
        patch: operations["updateConversation"];
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}/fork": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Fork a conversation
         * @description Copies the branch up to a message, with that message, into a new conversation. The two have nothing to do with each other from then on: messages and
         *     turns have ids of their own, and deleting one leaves the other. Title, metadata and the assistant are copied; a title in the body goes before the old one. What the copied turns
         *     have cost is not counted again, and an Idempotency-Key of theirs means the old turn. A turn that runs is not copied: its
         *     answer is `404` until it has ended.
         *     Where the message is a user's, the copy ends with it; createTurn with `regenerate` has it answered.
         */
        post: operations["forkConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Stream a conversation's running turn
         * @description Follows the turn that the conversation runs now, from its first event or from `Last-Event-ID` on; `204` when none runs. A page that
         *     was reloaded asks this.
         */
        get: operations["streamConversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}/turns": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /**
         * List a conversation's turns
         * @description The turns in the order in which they began, each as getTurn gives it. A turn that was tried again is listed once, with its last attempt.
         */
        get: operations["listTurns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /**
         * List a conversation's messages
         * @description The messages of the active branch by `position`, or with `branch=all` those of all branches, which their `parent_id`s make a tree of. A message that has
         *     `sibling_ids` beside its own is where branches part. The answer's `message_id` is reserved when its turn begins, and listed once the turn has ended, however it ends; until then
         *     a turn shows its user's message only.
         *
         *     A page has at most 1 MiB of JSON: it ends early, with a `next_cursor`, before the message that would make it more. A
         *     message that is longer by itself comes alone.
         */
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/updates": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Stream what changes
         * @description Tells what changes in the user's conversations, whoever changes it and on whatever instance, within a second: for pages in several tabs and
         *     on several devices, which then need not ask again and again. It tells what has changed and not how; see UpdateEvent. The stream has no end of its own:
         *     the server ends it when it shuts down, or when the token expires.
         *
         *     With `Last-Event-ID` it first tells what has changed since. An id that is unknown or older than a day is no error: the stream
         *     begins with `reset` then.
         *
         *     A user has at most 20 such streams open on an instance; one more is `429` with the limit `update-streams`.
         */
        get: operations["streamUpdates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/messages/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The message's id.
                 * @example 019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f
                 */
                message_id: components["parameters"]["MessageIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Get a message
         * @description The message, as listMessages gives it. An answer whose turn has not ended is `404`.
         */
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/messages/{message_id}/feedback": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The message's id.
                 * @example 019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f
                 */
                message_id: components["parameters"]["MessageIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Rate an answer
         * @description Says what the user thinks of an answer, in place of what was said before: a rating, a comment, or both. `rating: null` without a comment takes
         *     it back. Repeating it is safe. getMessage and listMessages show it as the message's `feedback`.
         *
         *     Any answer that is stored can be rated, however its turn ended. A user's message, and a summary, cannot: `422` at `/path/message_id`.
         *     Feedback goes with its message; when a failed turn is tried again, another answer takes the message's place, and has none yet.
         */
        put: operations["rateMessage"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/models": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * List the models
         * @description The models that a message may choose with `model`. All of them fit on one page.
         */
        get: operations["listModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/assistants": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * List the assistants
         * @description The assistants that a new conversation may begin with. All of them fit on one page; the list is empty where the operator has none.
         */
        get: operations["listAssistants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/search": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Search messages and titles
         * @description The user's messages, and the titles of their conversations, that have every term of `q`, the best first. It finds a message as soon as it is
         *     stored, a running turn's answer when the turn has ended, and answers that failed or were cancelled by what they have. Summaries are not searched.
         *
         *     **Terms** are separated by white space; what is in double quotes is one term. Nothing else is an operator: `foo_bar(x)`, `C++` and `:*&|` are searched
         *     as they stand, in any language. Upper and lower case are alike, and so are letters with and without accents (`cafe` finds `Café`), and full and half width.
         *     A term is found anywhere in a text, in the middle of a word too; one or two letters only at the beginning of a word, unless their script
         *     puts no spaces between words. A word also finds words of the same stem: `running` finds `run`
         *     and `runs`, in the languages that PostgreSQL has a stemmer for. Past the fifteenth term, the rest is one term.
         *
         *     **Order.** By `rank`, ties by `created_at`, newest first, then by id. A whole word ranks above the beginning of one, that above another form of the word, and that above
         *     a part of a word; all terms in a row rank above the same terms apart. `rank` depends only on the text and `q`. Where more than some hundreds match, they
         *     come in groups, the newer conversations' first, each ranked in itself. What does not change while you walk the pages comes exactly once.
         *
         *     **Filters.** A conversation that does not exist, or is another user's, has no results.
         */
        get: operations["searchMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Sum up the usage per day and model
         * @description How many turns ended on a day (UTC), how many tokens they took, as the providers report them, and what they cost: the newest day first,
         *     the models of a day by name; `total` sums up all of them. Titles and summaries that a model makes count with their tokens and cost. A turn counts once, on the day on which its first attempt ended; the tokens and the cost of every
         *     attempt count, on the day on which it ended. Deleting a conversation does not change it. A day without turns has no entry.
         */
        get: operations["listUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Erase a user
         * @description Erases all that is stored of the user, for good: conversations with their turns and messages, what running turns have said, feedback, Idempotency-Keys
         *     and usage. The receipt counts the rows by kind. `confirm` has to be the same id as the path's, so that no other request becomes this one by a slip, such
         *     as a path whose `..` was resolved.
         *
         *     Running turns are given up: whoever waits for one gets `404`, and its streams end with an `error`. Repeating it is safe, and after an
         *     error it goes on where it was; what an earlier call has erased is not counted again. A message that is sent meanwhile is erased or begins
         *     anew, as a whole. The login's own user is not touched; a token stays valid, and the next message begins with nothing.
         */
        delete: operations["eraseUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Export a user's data
         * @description Everything that a user has, as lines of JSON (NDJSON), streamed: an `export` line; each conversation by its id, archived ones too, followed by
         *     its messages by position, with their reasoning; then the usage; and an `end` line last. Each is an ExportLine. importUser takes the same lines.
         *
         *     **One moment.** The export shows the log as it was at `as_of`, the moment at which it began: what was stored by then is in it, and no
         *     message that came later, so a turn that was running is there with its user's message only. What changes, a conversation's title and times
         *     or a message's feedback, is as it is when its line is read. What is deleted or erased meanwhile is left out from then on.
         *
         *     **Resuming.** A connection that ends without the `end` line was cut. Each line has a `cursor`: ask again with that of the last whole line,
         *     and the export goes on after it, as of the same moment, on any instance. A client that does not read is cut after a while (30 s).
         */
        get: operations["exportUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/import": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import conversations
         * @description Takes conversations from a file: the lines of exportUser, or the `conversations.json` of ChatGPT's or Claude's export. What it is is told by its content,
         *     whatever the media type. It is read as a stream, of at most 64 MiB (67,108,864 bytes) and 8 MiB (8,388,608 bytes) a conversation (of exportUser, a line).
         *
         *     **Repeating it is safe**: ids are made of the source's, so what is there already is not added again. An import that was cut off goes on that way. A
         *     conversation in which there has been a turn since is left as it is.
         *
         *     **What is taken**: titles, times, metadata, the assistant if there is one of that name here, and the texts of users and assistants, as messages that no turn has written; the model is told of them as
         *     of any others. Of a ChatGPT conversation it is the branch that was shown last; messages in a row by the same speaker become one. A message of more
         *     than 1,000,000 characters, an answer that was not completed, a summary, and what is no text (images, tools) are left out. The report counts
         *     all of it.
         */
        post: operations["importUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/{user_id}/conversations/{conversation_id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /**
         * Export a conversation
         * @description One conversation with its messages, to be kept or read elsewhere: `json`, or `markdown` for people. It is streamed, and shows the log as it was
         *     when it began. A connection that is cut cannot be resumed: ask again.
         */
        get: operations["exportConversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is the process alive?
         * @description Answers as long as the process can answer at all. It asks nothing of the database.
         */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can this instance take requests?
         * @description `200` when the database can be written and is migrated and the instance is not shutting down; otherwise `503` with
         *     the reason as its `code`.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The keys that verify tokens for tool servers
         * @description A request to a tool server carries a token (EdDSA) that names the user (`sub`), this server (`iss`: `colloquy`) and the tool
         *     server (`aud`); these keys (RFC 7517) verify it. A tool server may keep them and ask again when a token names another `kid`.
         *     The list is empty where no tool server gets such tokens.
         */
        get: operations["getToolKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description A UUIDv7 (RFC 9562) in lower case.
         * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
         */
        Id: string;
        /**
         * @description An opaque id from the app's login. Not `.` or `..`.
         * @example alice
         */
        UserId: string;
        /**
         * @description Opaque, but for its order as a text.
         * @example 000000161B374D84
         */
        ConsistencyToken: string;
        /** @example "8e03978e-40d5-43dd-bc93-6894a57f9324" */
        IdempotencyKey: string;
        /** @enum {string} */
        Inclusion: "reasoning";
        /**
         * @default active
         * @enum {string}
         */
        BranchChoice: "active" | "all";
        /**
         * @default asc
         * @enum {string}
         */
        Order: "asc" | "desc";
        CursorValue: string;
        /**
         * Format: date-time
         * @description RFC 3339, in UTC.
         * @example 2026-11-21T09:30:00.000Z
         */
        Timestamp: string;
        /**
         * @description The model that answers, `echo` or `<provider>/<model>`. Of an answer, or a turn that has ended, it is the one that answered: where the
         *     operator has named others for that, another one answers when the one that was asked for cannot.
         * @example echo
         * @example openai-compatible/llama3.2
         */
        ModelName: string;
        AvailableModel: {
            name: components["schemas"]["ModelName"];
            /** @description Whether it answers where a message names none. */
            is_default: boolean;
        };
        ModelPage: {
            /** @description The default first. */
            data: components["schemas"]["AvailableModel"][];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @example tutor */
        AssistantName: string;
        /** @description What it began with, and goes on with; null for none. */
        AnyAssistantName: components["schemas"]["AssistantName"] | null;
        /** @description A configured way to answer. Its system prompt is not shown. */
        Assistant: {
            name: components["schemas"]["AssistantName"];
            /** @description Its name for people. */
            title: string;
            /** @description What it is for; null when the operator says nothing. */
            description: string | null;
            /** @description Whether a new conversation begins with it that names none. */
            is_default: boolean;
            /** @description The models that its messages may choose. The first one answers where a message names none. */
            models: components["schemas"]["ModelName"][];
        };
        AssistantPage: {
            /** @description The default first, if there is one; then as the operator lists them. */
            data: components["schemas"]["Assistant"][];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @description It has a `message`, or `regenerate`. `regenerate`, and a `parent_id` that is not null, come with the `conversation_id` of their message. */
        TurnRequest: {
            /** @description The conversation to continue. Leave it out to begin a new one. */
            conversation_id?: components["schemas"]["Id"];
            /**
             * @description The answer that the message follows, where that is not the newest one of the active branch: the message then stands beside the others that follow it, as an
             *     edited message does. Null begins the conversation anew, beside its first message.
             */
            parent_id?: components["schemas"]["Id"] | null;
            /** @description Ask again. It is the id of an answer, beside which the new one is to stand, or of a user's message. No `message` comes with it, and no `parent_id`. */
            regenerate?: components["schemas"]["Id"];
            /**
             * Format: visible-text
             * @description Required without `regenerate`. 1 to 10,000 characters (Unicode code points), of which one can be seen. Stored exactly as sent. A text of white space, control, format and default-ignorable characters alone (Unicode; such as zero-width spaces) is refused. The pattern is the part of this rule that every engine can check.
             * @example Hello, what can you do?
             */
            message?: string;
            /** @description Who answers, one of those that the server allows. In the conversation of an assistant it is one of the assistant's. Leave it out for the server's own choice. */
            model?: components["schemas"]["ModelName"];
            /** @description What the new conversation begins with, one of listAssistants. With `conversation_id` it may be left out; any other than the conversation's own is refused. */
            assistant?: components["schemas"]["AssistantName"];
        };
        TurnAnswer: {
            conversation_id: components["schemas"]["Id"];
            turn_id: components["schemas"]["Id"];
            status: components["schemas"]["AnswerStatus"];
            user_message_id: components["schemas"]["Id"];
            message_id: components["schemas"]["Id"];
            response: components["schemas"]["AnswerText"];
            tool_calls: components["schemas"]["ToolCalls"];
            finish_reason: components["schemas"]["AnyFinishReason"];
            model: components["schemas"]["ModelName"];
            usage: components["schemas"]["Usage"];
        };
        /** @enum {string} */
        KnownAnswerStatus: "completed" | "cancelled";
        /** @description How the turn ended. A cancelled turn keeps the text it had. */
        AnswerStatus: components["schemas"]["KnownAnswerStatus"];
        /** @enum {string} */
        KnownFinishReason: "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";
        /**
         * @description Why the model stopped: `stop`, it was done; `length`, its answer is cut off at the longest that it may be; otherwise as the AI SDK
         *     names it.
         */
        FinishReason: components["schemas"]["KnownFinishReason"];
        /** @description The finish reason; null for a user's message, and for an answer that did not come to its end or that no turn wrote. */
        AnyFinishReason: components["schemas"]["FinishReason"] | null;
        /** @description The answer's text. What is said before and after tool calls is parted by an empty line. */
        AnswerText: string;
        /**
         * @description The tools that the model called in this turn, in order. They act for the turn's user. A call that was cut off has an error, and may
         *     have done its work or not.
         */
        ToolCalls: components["schemas"]["ToolCall"][];
        ToolCall: {
            /** @description Unique in the turn. */
            id: string;
            name: string;
            status: components["schemas"]["ToolCallStatus"];
            /** @description What the model passed to the tool. */
            arguments: {
                [key: string]: unknown;
            };
            /** @description What the tool gave back, when it succeeded. Any JSON value. Cut off when it is too long, with a note at its end. */
            result?: unknown;
            /** @description Why the call failed, when it failed. */
            error?: string;
            /** @description How long the tool took; null when the call was not made, or was cut off. */
            duration_ms: number | null;
            /** @description Present and true when an earlier attempt of the turn made this call. It was not made again; the result is that attempt's. */
            replayed?: boolean;
        };
        /** @enum {string} */
        KnownToolCallStatus: "completed" | "failed" | "waiting" | "denied";
        /** @description `completed` with a `result`, `failed` with an `error`; `waiting` for somebody's approval, or `denied` it. */
        ToolCallStatus: components["schemas"]["KnownToolCallStatus"];
        /** @description Tokens as the provider reports them, null where it reports none, and what they cost. */
        Usage: {
            input_tokens: components["schemas"]["TokenCount"];
            output_tokens: components["schemas"]["TokenCount"];
            /** @description How many of the input tokens the provider had in its cache. */
            cached_input_tokens: components["schemas"]["TokenCount"];
            /** @description How many of the output tokens the model spent on reasoning. */
            reasoning_tokens: components["schemas"]["TokenCount"];
            total_tokens: components["schemas"]["TokenCount"];
            cost: components["schemas"]["Cost"];
        };
        /**
         * @description What it cost in microunits, which are millionths of the currency that listUsage names: 1250000 is 1.25. Each attempt of a turn is rounded up to a whole one
         *     when it ends, at the prices of that time. Null where the price or the tokens are not known.
         * @example 1250
         */
        Cost: number | null;
        /**
         * @description What costs are in (ISO 4217). Null when the server knows no prices.
         * @example USD
         */
        Currency: string | null;
        TokenCount: number | null;
        /**
         * Format: date
         * @description A day that exists, as YYYY-MM-DD. It begins and ends at midnight UTC.
         * @example 2026-11-21
         */
        Day: string;
        /** Format: int64 */
        Total: number;
        /** @description What a user's turns with one model on one day came to; 0 where the provider reported nothing. */
        DailyUsage: {
            day: components["schemas"]["Day"];
            model: components["schemas"]["ModelName"];
            turns: components["schemas"]["Total"];
            input_tokens: components["schemas"]["Total"];
            output_tokens: components["schemas"]["Total"];
            cached_input_tokens: components["schemas"]["Total"];
            reasoning_tokens: components["schemas"]["Total"];
            total_tokens: components["schemas"]["Total"];
            /** @description The sum of what is known; null where nothing is. */
            cost: components["schemas"]["Cost"];
        };
        /** @description The sums of all days and models that were asked for, those of other pages too. */
        UsageTotal: {
            turns: components["schemas"]["Total"];
            input_tokens: components["schemas"]["Total"];
            output_tokens: components["schemas"]["Total"];
            cached_input_tokens: components["schemas"]["Total"];
            reasoning_tokens: components["schemas"]["Total"];
            total_tokens: components["schemas"]["Total"];
            /** @description The sum of what is known; null where nothing is. */
            cost: components["schemas"]["Cost"];
        };
        UsagePage: {
            data: components["schemas"]["DailyUsage"][];
            total: components["schemas"]["UsageTotal"];
            currency: components["schemas"]["Currency"];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @description The receipt of an erasure. */
        Erasure: {
            user_id: components["schemas"]["UserId"];
            /** @description When the last row was gone. */
            erased_at: components["schemas"]["Timestamp"];
            /** @description How many rows of each kind this call has erased. A later version may count more kinds. */
            rows: {
                conversations: components["schemas"]["Total"];
                turns: components["schemas"]["Total"];
                messages: components["schemas"]["Total"];
                feedback: components["schemas"]["Total"];
                /** @description Batches of events of turns that were running. */
                stream_events: components["schemas"]["Total"];
                idempotency_keys: components["schemas"]["Total"];
                /** @description Sums of listUsage, one per day and model. */
                usage: components["schemas"]["Total"];
                /** @description What was counted against the user's limits, which begin anew. */
                limit_counts: components["schemas"]["Total"];
                /** @description What streamUpdates had to tell. */
                updates: components["schemas"]["Total"];
            };
        };
        /** @description The whole file, as it is. */
        ImportedFile: string;
        /** @enum {string} */
        KnownImportSource: "colloquy" | "chatgpt" | "claude";
        /** @description Whose export it was. */
        ImportSource: components["schemas"]["KnownImportSource"];
        ImportCounts: {
            taken: components["schemas"]["Total"];
            /** @description Those of an earlier import, or that have always been here. */
            already_there: components["schemas"]["Total"];
            skipped: components["schemas"]["Total"];
        };
        /** @enum {string} */
        KnownSkipReason: "unknown-format" | "no-messages" | "no-text" | "too-long" | "not-completed" | "summary" | "other-speaker";
        /**
         * @description `unknown-format` is none of these formats; `no-messages`, a conversation without any that could be taken; `no-text`, an image or an attachment alone;
         *     `too-long`; `not-completed`, an answer that failed or was interrupted; `summary`; `other-speaker`, a tool or a system prompt.
         */
        SkipReason: components["schemas"]["KnownSkipReason"];
        ImportReport: {
            source: components["schemas"]["ImportSource"];
            conversations: components["schemas"]["ImportCounts"];
            messages: components["schemas"]["ImportCounts"];
            /** @description How many conversations and messages were left out, and why. */
            skipped: components["schemas"]["ImportSkip"][];
        };
        ImportSkip: {
            reason: components["schemas"]["SkipReason"];
            count: components["schemas"]["Total"];
        };
        /**
         * @default json
         * @enum {string}
         */
        ExportFormat: "json" | "markdown";
        /** @description What a conversation is beside its messages. */
        ExportedConversation: {
            id: components["schemas"]["Id"];
            /** @description Null until the first message or the user gives it one. */
            title: components["schemas"]["Title"] | null;
            archived: boolean;
            pinned: boolean;
            metadata: components["schemas"]["Metadata"];
            assistant: components["schemas"]["AnyAssistantName"];
            created_at: components["schemas"]["Timestamp"];
            updated_at: components["schemas"]["Timestamp"];
            last_turn_at: components["schemas"]["Timestamp"];
        };
        /** @description A conversation with all of its messages, by position. */
        ConversationExport: {
            conversation: components["schemas"]["ExportedConversation"];
            messages: components["schemas"]["Message"][];
        };
        /** @description A line of an export. KnownExportLine are those of today; others are `data-…`, so skip a line whose `type` you do not know. */
        ExportLine: components["schemas"]["KnownExportLine"];
        /** @description A line of a later version. Skip it. */
        LaterExportLine: {
            type: string;
        };
        /** @description The lines of today, told apart by `type`. */
        KnownExportLine: components["schemas"]["ExportHeaderLine"] | components["schemas"]["ExportConversationLine"] | components["schemas"]["ExportMessageLine"] | components["schemas"]["ExportUsageLine"] | components["schemas"]["ExportEndLine"];
        /** @description The first line, also of an export that goes on. */
        ExportHeaderLine: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "export";
            /**
             * Format: int32
             * @description Of the format.
             */
            version: number;
            user_id: components["schemas"]["UserId"];
            /** @description The moment that the export shows. */
            as_of: components["schemas"]["Timestamp"];
            currency: components["schemas"]["Currency"];
            cursor: components["schemas"]["CursorValue"];
        };
        /** @description A conversation. Its messages follow. */
        ExportConversationLine: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "conversation";
            conversation: components["schemas"]["ExportedConversation"];
            cursor: components["schemas"]["CursorValue"];
        };
        /** @description A message. */
        ExportMessageLine: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "message";
            message: components["schemas"]["Message"];
            /** @description Of a user's message, the turn that it began, if that had ended. */
            turn?: components["schemas"]["Turn"];
            cursor: components["schemas"]["CursorValue"];
        };
        /** @description What listUsage has for a day and model. */
        ExportUsageLine: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "usage";
            usage: components["schemas"]["DailyUsage"];
            cursor: components["schemas"]["CursorValue"];
        };
        /** @description The last line. The export is whole. */
        ExportEndLine: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "end";
        };
        /**
         * Format: date-time
         * @description A time as in RFC 3339, such as 2026-11-01T00:00:00Z. Its `+` has to be encoded as `%2B` in a URL.
         * @example 2026-11-01T00:00:00Z
         */
        Instant: string;
        /**
         * @description Where a match is in `excerpt`, as Unicode code points, as all lengths in this API are: from `start` up to before `end`. In JavaScript
         *     `[...excerpt].slice(start, end).join('')`, in Python `excerpt[start:end]`.
         */
        Highlight: {
            /** Format: int32 */
            start: number;
            /** Format: int32 */
            end: number;
        };
        /** @enum {string} */
        KnownSearchResultType: "message" | "title";
        /** @description What was found, a message or the title of a conversation. */
        SearchResultType: components["schemas"]["KnownSearchResultType"];
        SearchResult: {
            type: components["schemas"]["SearchResultType"];
            conversation_id: components["schemas"]["Id"];
            /** @description The message; null for a title. */
            message_id: components["schemas"]["Id"] | null;
            /** @description The message's position in its conversation; null for a title. */
            position: number | null;
            /** @description Who says it; null for a title. */
            role: components["schemas"]["MessageRole"] | null;
            /** @description The conversation's title; null until it has one. */
            title: string | null;
            /** @description Whether the conversation is archived. */
            archived: boolean;
            /**
             * Format: int32
             * @description How well it matches; more is better.
             */
            rank: number;
            /** @description The title, or a piece of the message with the first match in it, as it is stored. At most 240 characters. */
            excerpt: string;
            /** @description The matches in `excerpt`, in order. They do not overlap. */
            highlights: components["schemas"]["Highlight"][];
            created_at: components["schemas"]["Timestamp"];
        };
        SearchPage: {
            data: components["schemas"]["SearchResult"][];
            next_cursor: components["schemas"]["NextCursor"];
            /**
             * @description False while the user has more messages that are not indexed yet than can be searched without an index (30,000), which is
             *     soon after the first search of so many. Only the newer ones of these are searched then.
             */
            is_complete: boolean;
        };
        /** @enum {string} */
        KnownTurnStatus: "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "interrupted";
        /**
         * @description `running` until the turn ends; then `completed`, `failed` (the model's fault), `cancelled` (the user's wish) or
         *     `interrupted` (its instance died). Before it runs it may be `queued`; `waiting` is one that needs somebody's answer to go on.
         */
        TurnStatus: components["schemas"]["KnownTurnStatus"];
        Turn: {
            id: components["schemas"]["Id"];
            conversation_id: components["schemas"]["Id"];
            status: components["schemas"]["TurnStatus"];
            /**
             * Format: int32
             * @description Which run of the model this is; 1 unless the turn was retried.
             */
            attempt: number;
            user_message_id: components["schemas"]["Id"];
            message_id: components["schemas"]["Id"];
            model: components["schemas"]["ModelName"];
            usage: components["schemas"]["Usage"];
            /** @description Why the turn failed or was interrupted; null otherwise. */
            error: components["schemas"]["TurnError"] | null;
            created_at: components["schemas"]["Timestamp"];
            /** @description When the turn ended; null until it has. */
            finished_at: components["schemas"]["Timestamp"] | null;
        };
        TurnPage: {
            data: components["schemas"]["Turn"][];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @description Why a turn ended without an answer, as the problem says it. */
        TurnError: {
            code: components["schemas"]["TurnFailureCode"];
            detail: string;
        };
        /** @enum {string} */
        KnownTurnFailureCode: "model-failed" | "model-unreachable" | "model-unauthorized" | "model-context-exceeded" | "model-content-filtered" | "model-empty-answer" | "model-tool-limit" | "model-broken-off" | "model-overloaded" | "model-timeout" | "turn-interrupted" | "turn-not-found";
        /** @description The code of the problem that the caller of the turn got. `turn-not-found` only in a stream: the turn was deleted while it was streamed. */
        TurnFailureCode: components["schemas"]["KnownTurnFailureCode"];
        /**
         * @description The attempt and the event's number in it, such as `1-42`.
         * @example 1-42
         */
        EventId: string;
        /**
         * @description One event of the AI SDK's UI message stream, version 1 (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol). In order: `start`, `data-turn`, then
         *     steps (`start-step` … `finish-step`) of texts (`text-start`, `text-delta`…, `text-end`), reasoning in the same form, and tools (`tool-input-available`,
         *     then what became of the call), whose progress may come in between, and last `finish` (completed), `abort` (cancelled) or `error` (failed or interrupted). The last one comes only after the turn's end is
         *     stored.
         *
         *     The events come as server-sent events (the HTML standard, section 9.2): each frame has an `id` (for `Last-Event-ID`) and one StreamEvent as its
         *     `data`; the last frame's data is the bare word `[DONE]`, which is not JSON: stop there, or let your client's parser skip it. A connection that
         *     ends without it was cut: resume with streamTurn. Comments (lines that begin with a colon) come every 15 s while nothing else does. A request
         *     that is refused is not answered with a stream but with a problem and its status, so check the media type, or the status, first.
         *
         *     KnownStreamEvent are those of today. Others are `data-…`, or come only to those who have asked for them; skip what you do not know. What
         *     later versions have to say of a message comes in `messageMetadata`.
         */
        StreamEvent: components["schemas"]["KnownStreamEvent"];
        /** @description An event of a later version. Skip it. */
        LaterDataEvent: {
            type: string;
        };
        /** @description The events of today, told apart by `type`. */
        KnownStreamEvent: components["schemas"]["StartEvent"] | components["schemas"]["DataTurnEvent"] | components["schemas"]["DataToolProgressEvent"] | components["schemas"]["StartStepEvent"] | components["schemas"]["ReasoningStartEvent"] | components["schemas"]["ReasoningDeltaEvent"] | components["schemas"]["ReasoningEndEvent"] | components["schemas"]["TextStartEvent"] | components["schemas"]["TextDeltaEvent"] | components["schemas"]["TextEndEvent"] | components["schemas"]["ToolInputStartEvent"] | components["schemas"]["ToolInputDeltaEvent"] | components["schemas"]["ToolInputAvailableEvent"] | components["schemas"]["ToolInputErrorEvent"] | components["schemas"]["ToolApprovalRequestEvent"] | components["schemas"]["ToolOutputAvailableEvent"] | components["schemas"]["ToolOutputErrorEvent"] | components["schemas"]["ToolOutputDeniedEvent"] | components["schemas"]["FileEvent"] | components["schemas"]["SourceUrlEvent"] | components["schemas"]["SourceDocumentEvent"] | components["schemas"]["MessageMetadataEvent"] | components["schemas"]["FinishStepEvent"] | components["schemas"]["FinishEvent"] | components["schemas"]["AbortEvent"] | components["schemas"]["FailureEvent"];
        /**
         * @description Where a stream of updates is. Opaque.
         * @example WyIyMDI2LTExLTIxVDA5OjMwOjAwLjAwMFoiXQ.Yx3kq0Jm1vQd8f2a
         */
        UpdateId: string;
        /**
         * @description Something that has changed, as a server-sent event (the HTML standard, section 9.2): each frame has an `id` (for `Last-Event-ID`) and one
         *     UpdateEvent as its `data`. The first one is `ready`, or `reset`. Comments (lines that begin with a colon) come every 15 s while
         *     nothing else does.
         *
         *     An event is a hint to read something again; it has no text. It comes at least once, and may come again. The turns of a conversation are told
         *     to begin in the order in which they did, and each of them to end after that; other events may change places. Of what was deleted or tried again shortly after,
         *     only the last may be told. What took longer than two minutes to commit, because a standby of the database was away, may not be told.
         *     KnownUpdateEvent are those of today. Others are `data-…`; skip what you do not know.
         */
        UpdateEvent: components["schemas"]["KnownUpdateEvent"];
        /** @description An event of a later version. Skip it. */
        LaterUpdateEvent: {
            type: string;
        };
        /** @description The events of today, told apart by `type`. */
        KnownUpdateEvent: components["schemas"]["UpdatesReadyEvent"] | components["schemas"]["UpdatesResetEvent"] | components["schemas"]["ConversationCreatedEvent"] | components["schemas"]["ConversationUpdatedEvent"] | components["schemas"]["ConversationDeletedEvent"] | components["schemas"]["TurnStartedEvent"] | components["schemas"]["TurnEndedEvent"];
        /** @description The stream stands. What changes from now on, or has changed since `Last-Event-ID`, is told; what is read from now on is no older. */
        UpdatesReadyEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "ready";
        };
        /**
         * @description More has changed than is told: read your lists again. First in a stream that cannot go on after `Last-Event-ID`, and later after an
         *     import, an erasure, or when very much changes at once. What changes from now on is told.
         */
        UpdatesResetEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reset";
        };
        /** @description There is a new conversation, of a first message, createConversation or forkConversation. */
        ConversationCreatedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "conversation-created";
            conversation_id: components["schemas"]["Id"];
        };
        /** @description A conversation was changed with updateConversation, or has got a title from a model or a summary. */
        ConversationUpdatedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "conversation-updated";
            conversation_id: components["schemas"]["Id"];
        };
        /** @description A conversation was deleted, or removed after it had expired. */
        ConversationDeletedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "conversation-deleted";
            conversation_id: components["schemas"]["Id"];
        };
        /**
         * @description A turn has begun, or begun again after a failure. Its message is stored, and the conversation has another `last_turn_at`,
         *     `running_turn_id` and `message_count`, and a title if it had none. Follow it with streamTurn.
         */
        TurnStartedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn-started";
            conversation_id: components["schemas"]["Id"];
            turn_id: components["schemas"]["Id"];
        };
        /** @description A turn has ended, and its answer is stored. */
        TurnEndedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn-ended";
            conversation_id: components["schemas"]["Id"];
            turn_id: components["schemas"]["Id"];
            status: components["schemas"]["TurnStatus"];
        };
        /** @description The answer begins. */
        StartEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "start";
            /** @description The id under which the answer is stored. */
            messageId: components["schemas"]["Id"];
        };
        /** @description The turn that is streamed; right after `start`, and again with its error before `error`. Not part of the message. */
        DataTurnEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "data-turn";
            /** @enum {boolean} */
            transient: true;
            data: {
                turn_id: components["schemas"]["Id"];
                conversation_id: components["schemas"]["Id"];
                user_message_id: components["schemas"]["Id"];
                error?: components["schemas"]["TurnError"];
            };
        };
        /** @description The model begins to work; again after the results of its tools. */
        StartStepEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "start-step";
        };
        /** @description The model begins to think aloud. */
        ReasoningStartEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reasoning-start";
            /** @description The part of the answer that it belongs to. */
            id: string;
        };
        /** @description More of its reasoning. */
        ReasoningDeltaEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reasoning-delta";
            /** @description The part of the answer that it belongs to. */
            id: string;
            delta: string;
        };
        /** @description This reasoning is complete. */
        ReasoningEndEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "reasoning-end";
            /** @description The part of the answer that it belongs to. */
            id: string;
        };
        /** @description A text begins. */
        TextStartEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text-start";
            /** @description The part of the answer that it belongs to. */
            id: string;
        };
        /** @description More of a text. */
        TextDeltaEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text-delta";
            /** @description The part of the answer that it belongs to. */
            id: string;
            delta: string;
        };
        /** @description A text is complete. */
        TextEndEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text-end";
            /** @description The part of the answer that it belongs to. */
            id: string;
        };
        /** @description The model begins to write the input of a tool call. */
        ToolInputStartEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-input-start";
            toolCallId: string;
            toolName: string;
            /** @enum {boolean} */
            dynamic: true;
        };
        /** @description More of that input, as JSON text. */
        ToolInputDeltaEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-input-delta";
            toolCallId: string;
            inputTextDelta: string;
        };
        /** @description The model calls a tool. */
        ToolInputAvailableEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-input-available";
            toolCallId: string;
            toolName: string;
            /** @description What the model passes to the tool. */
            input: {
                [key: string]: unknown;
            };
            /** @enum {boolean} */
            dynamic: true;
        };
        /** @description The model has written an input that the tool does not take; it was not called. */
        ToolInputErrorEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-input-error";
            toolCallId: string;
            toolName: string;
            /** @description What the model has written. Any JSON value. */
            input: unknown;
            errorText: string;
            /** @enum {boolean} */
            dynamic: true;
        };
        /** @description The call waits for somebody's approval. */
        ToolApprovalRequestEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-approval-request";
            approvalId: string;
            toolCallId: string;
        };
        /** @description A tool gave its result. */
        ToolOutputAvailableEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-output-available";
            toolCallId: string;
            /** @description Any JSON value. */
            output: unknown;
            /** @enum {boolean} */
            dynamic: true;
        };
        /** @description A tool failed. */
        ToolOutputErrorEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-output-error";
            toolCallId: string;
            errorText: string;
            /** @enum {boolean} */
            dynamic: true;
        };
        /** @description The call was denied; it was not made. */
        ToolOutputDeniedEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool-output-denied";
            toolCallId: string;
        };
        /** @description How far a running call has got, the latest at most twice a second. Not part of the message. */
        DataToolProgressEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "data-tool-progress";
            /** @enum {boolean} */
            transient: true;
            data: {
                tool_call_id: string;
                /** @description How much is done; it only grows. */
                progress: number;
                /** @description How much there is to do, where the tool knows. */
                total?: number;
                message?: string;
            };
        };
        /** @description A file that is part of the answer. */
        FileEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "file";
            /** Format: uri-reference */
            url: string;
            mediaType: string;
        };
        /** @description A page that the answer draws on. */
        SourceUrlEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "source-url";
            sourceId: string;
            /** Format: uri-reference */
            url: string;
            title?: string;
        };
        /** @description A document that the answer draws on. */
        SourceDocumentEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "source-document";
            sourceId: string;
            mediaType: string;
            title: string;
            filename?: string;
        };
        /** @description What else there is to say of the answer. */
        MessageMetadataEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "message-metadata";
            messageMetadata: components["schemas"]["MessageMetadata"];
        };
        /** @description What is said of a message beside its parts. New fields come here. */
        MessageMetadata: {
            finish_reason?: components["schemas"]["FinishReason"];
            usage?: components["schemas"]["Usage"];
        };
        /** @description The step is complete. */
        FinishStepEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "finish-step";
        };
        /** @description The turn is completed and stored. */
        FinishEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "finish";
            finishReason?: components["schemas"]["FinishReason"];
            messageMetadata?: components["schemas"]["MessageMetadata"];
        };
        /** @description The turn was cancelled; what there is of the answer is stored. */
        AbortEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "abort";
        };
        /** @description The turn failed or was interrupted; what there is of the answer is stored. The code is in the `data-turn` before it. */
        FailureEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "error";
            errorText: string;
        };
        Conversation: {
            id: components["schemas"]["Id"];
            /** @description Null until the first message or the user gives it one. */
            title: components["schemas"]["Title"] | null;
            archived: boolean;
            pinned: boolean;
            metadata: components["schemas"]["Metadata"];
            assistant: components["schemas"]["AnyAssistantName"];
            /**
             * Format: int32
             * @description How many messages listMessages has, those of all branches and summaries among them.
             */
            message_count: number;
            /** @description The turn that runs or waits now; null when none does. */
            running_turn_id: components["schemas"]["Id"] | null;
            /** @description The newest message of the active branch, which the next message follows; null when there is none. */
            active_message_id: components["schemas"]["Id"] | null;
            created_at: components["schemas"]["Timestamp"];
            updated_at: components["schemas"]["Timestamp"];
            /** @description When its last turn began; before the first one, when it was created. */
            last_turn_at: components["schemas"]["Timestamp"];
            /**
             * @description When it expires: at the time that was set for it, or when the server has kept it for as long as it keeps conversations, whichever comes
             *     first. From then on it answers as if it had been deleted. A turn may put it off. Null: never.
             */
            expires_at: components["schemas"]["Timestamp"] | null;
        };
        /**
         * Format: visible-text
         * @description 1 to 200 characters, of which one can be seen (as of a message).
         * @example Groceries
         */
        Title: string;
        /**
         * @description Up to 16 pairs of your own; keys up to 64, values up to 512 characters.
         * @example {
         *       "project": "kitchen"
         *     }
         */
        Metadata: {
            [key: string]: string;
        };
        /**
         * @description Is merged into the conversation's metadata (RFC 7396): a value sets its key, null removes it, the other keys stay. At most 16 pairs may
         *     be there afterwards.
         * @example {
         *       "project": "kitchen",
         *       "draft": null
         *     }
         */
        MetadataPatch: {
            [key: string]: string | null;
        };
        ConversationUpdate: {
            title?: components["schemas"]["Title"];
            /**
             * @description Whether it is listed with the archived ones only.
             * @example true
             */
            archived?: boolean;
            /**
             * @description Whether it is pinned. A server may keep pinned conversations longer, or for ever.
             * @example true
             */
            pinned?: boolean;
            /** @description When it expires at the latest; null takes that back. A time that has passed makes it expire at once. */
            expires_at?: components["schemas"]["Instant"] | null;
            metadata?: components["schemas"]["MetadataPatch"];
            /** @description Makes the branch of this message the active one. Where the branch goes on behind it and parts again, that is the newest of its branches. */
            active_message_id?: components["schemas"]["Id"];
        };
        ConversationCreation: {
            title?: components["schemas"]["Title"];
            metadata?: components["schemas"]["Metadata"];
            /** @description When it expires at the latest, whatever the server's own rule. */
            expires_at?: components["schemas"]["Instant"];
            assistant?: components["schemas"]["AssistantName"];
        };
        ConversationFork: {
            /** @description The last message to copy. */
            message_id: components["schemas"]["Id"];
            title?: components["schemas"]["Title"];
        };
        ConversationPage: {
            data: components["schemas"]["Conversation"][];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @description Pass it as `cursor` for the next page; null on the last page. */
        NextCursor: components["schemas"]["CursorValue"] | null;
        Message: {
            id: components["schemas"]["Id"];
            conversation_id: components["schemas"]["Id"];
            /** @description The turn that wrote it; null for one that no turn wrote. */
            turn_id: components["schemas"]["Id"] | null;
            /**
             * Format: int32
             * @description Rises with the conversation, and is never used again.
             */
            position: number;
            /** @description The message that this one follows; null for the first of a branch, and for a summary, which is no part of the exchange. */
            parent_id: components["schemas"]["Id"] | null;
            /**
             * Format: int32
             * @description How many messages there are beside each other at this place, this one among them; each is on a branch of its own.
             */
            sibling_count: number;
            /** @description Their ids by `position`, of more than 100 the newest 100. Pass one as `active_message_id` to updateConversation to go to its branch. */
            sibling_ids: components["schemas"]["Id"][];
            role: components["schemas"]["MessageRole"];
            status: components["schemas"]["MessageStatus"];
            /** @description The message's text, a question's exactly as it was sent. An answer's texts before and after tool calls are parted by an empty line. */
            content: string;
            /** @description What the message is made of, in order. The texts, joined as they are, make its `content`. */
            parts: components["schemas"]["MessagePart"][];
            tool_calls: components["schemas"]["ToolCalls"];
            finish_reason: components["schemas"]["AnyFinishReason"];
            /** @description Why the answer failed or was interrupted, as getTurn says it of its turn; null otherwise. */
            error: components["schemas"]["TurnError"] | null;
            /**
             * Format: int32
             * @description Of a `summary`, the position of the last message that it sums up. Other messages have no such field.
             */
            summarized_through?: number;
            /** @description What the user thinks of the answer. A message that was not rated has no such field. */
            feedback?: components["schemas"]["Feedback"];
            created_at: components["schemas"]["Timestamp"];
        };
        /** @enum {string} */
        KnownMessageRole: "user" | "assistant" | "summary";
        /**
         * @description Who says it. A `summary` is said by neither: where the server makes them, it stands for the messages up to `summarized_through`
         *     when the model is told of the conversation. It may come at any place between two turns; those messages stay as they are.
         */
        MessageRole: components["schemas"]["KnownMessageRole"];
        /** @enum {string} */
        KnownMessageStatus: "completed" | "failed" | "cancelled" | "interrupted";
        /** @description A user's message is always `completed`, and so is one that no turn wrote; an answer has its turn's status. */
        MessageStatus: components["schemas"]["KnownMessageStatus"];
        /** @enum {string} */
        KnownPartType: "text" | "reasoning" | "tool-call" | "file";
        /**
         * @description `text` and `reasoning` have a `text`; `tool-call` has the `tool_call_id` of one of the message's tool calls; `file` has a `url` and a
         *     `media_type`. Skip a part whose type you do not know.
         */
        PartType: components["schemas"]["KnownPartType"];
        /** @description A part of a message. One shape for all types, so that a client takes a part of a later type as well. */
        MessagePart: {
            type: components["schemas"]["PartType"];
            text?: string;
            tool_call_id?: string;
            /** Format: uri-reference */
            url?: string;
            media_type?: string;
            filename?: string;
        };
        MessagePage: {
            data: components["schemas"]["Message"][];
            next_cursor: components["schemas"]["NextCursor"];
        };
        /** @enum {string} */
        KnownRating: "up" | "down";
        /** @description A thumb. */
        Rating: components["schemas"]["KnownRating"];
        /**
         * Format: visible-text
         * @description 1 to 2,000 characters (Unicode code points), of which one can be seen (as of a message). Stored exactly as sent.
         * @example The list has no milk.
         */
        Comment: string;
        /**
         * @example up
         * @enum {string}
         */
        NewRating: "up" | "down";
        FeedbackRequest: {
            /** @description A thumb, or null for none. */
            rating: components["schemas"]["NewRating"] | null;
            comment?: components["schemas"]["Comment"];
        };
        Feedback: {
            /** @description Null where there is none. */
            rating: components["schemas"]["Rating"] | null;
            /** @description Null where there is none. */
            comment: components["schemas"]["Comment"] | null;
            /** @description When it was said; null when nothing is said. */
            updated_at: components["schemas"]["Timestamp"] | null;
        };
        /** @enum {string} */
        KnownLivenessStatus: "ok";
        /** @description The process answers. */
        LivenessStatus: components["schemas"]["KnownLivenessStatus"];
        /** @enum {string} */
        KnownReadinessStatus: "ready";
        /** @description This instance takes requests. */
        ReadinessStatus: components["schemas"]["KnownReadinessStatus"];
        /** @enum {string} */
        KnownKeyType: "OKP";
        /** @description The family of the key (RFC 7517). */
        KeyType: components["schemas"]["KnownKeyType"];
        /** @enum {string} */
        KnownKeyCurve: "Ed25519";
        /** @description Its curve (RFC 8037). */
        KeyCurve: components["schemas"]["KnownKeyCurve"];
        /** @enum {string} */
        KnownKeyAlgorithm: "EdDSA";
        /** @description What it signs with (RFC 8037). */
        KeyAlgorithm: components["schemas"]["KnownKeyAlgorithm"];
        /** @enum {string} */
        KnownKeyUse: "sig";
        /** @description What it is for (RFC 7517). */
        KeyUse: components["schemas"]["KnownKeyUse"];
        Liveness: {
            status: components["schemas"]["LivenessStatus"];
        };
        Readiness: {
            status: components["schemas"]["ReadinessStatus"];
        };
        /** @description Public keys (RFC 7517). */
        ToolKeys: {
            /** @description The first one signs; the others have signed before, or are going to. */
            keys: components["schemas"]["ToolKey"][];
        };
        /** @description The public part of an Ed25519 key (RFC 8037). */
        ToolKey: {
            kty: components["schemas"]["KeyType"];
            crv: components["schemas"]["KeyCurve"];
            /** @description The key. */
            x: string;
            /** @description Its RFC 7638 thumbprint. */
            kid: string;
            alg: components["schemas"]["KeyAlgorithm"];
            use: components["schemas"]["KeyUse"];
        };
        /** @description An error (RFC 9457). Branch on `code`; `type` is the same thing as a URI reference. */
        Problem: {
            /**
             * Format: uri-reference
             * @description A stable URI reference, one per code.
             */
            type: string;
            /** @description What kind of problem it is. The same for every occurrence. */
            title: string;
            /** Format: int32 */
            status: number;
            /** @description What happened this time, for people. */
            detail: string;
            /** @description The request's path. Absent when the request could not be read that far. */
            instance?: string;
            code: components["schemas"]["ProblemCode"];
            /** @description Also in the `x-request-id` header and in the server's log. */
            request_id: string;
            /** @description With `validation-failed`, what is wrong and where. */
            errors?: components["schemas"]["FieldError"][];
            limit?: components["schemas"]["RateLimit"];
            conversation_id?: components["schemas"]["Id"];
            turn_id?: components["schemas"]["Id"];
        };
        /** @enum {string} */
        KnownProblemCode: "malformed-request" | "malformed-body" | "unauthenticated" | "forbidden" | "origin-not-allowed" | "route-not-found" | "conversation-not-found" | "turn-not-found" | "message-not-found" | "method-not-allowed" | "request-timeout" | "turn-in-progress" | "idempotency-key-in-use" | "body-too-large" | "uri-too-long" | "unsupported-media-type" | "validation-failed" | "idempotency-key-mismatch" | "headers-too-large" | "rate-limited" | "budget-exceeded" | "internal-error" | "model-failed" | "model-unreachable" | "model-unauthorized" | "model-context-exceeded" | "model-content-filtered" | "model-empty-answer" | "model-tool-limit" | "model-broken-off" | "database-unavailable" | "keys-unavailable" | "shutting-down" | "too-many-connections" | "instance-overloaded" | "assistant-unavailable" | "service-budget-exceeded" | "turn-interrupted" | "model-overloaded" | "model-timeout";
        /**
         * @description | code | status | meaning | repeat it? |
         *     |---|---|---|---|
         *     | `malformed-request` | 400 | the URL or a header cannot be read | no |
         *     | `malformed-body` | 400 | not JSON, not UTF-8, or a NUL or lone surrogate in a string | no |
         *     | `unauthenticated` | 401 | no token, or one that does not verify | with a new token |
         *     | `forbidden` | 403 | the token is another user's | no |
         *     | `origin-not-allowed` | 403 | a browser asked for a page whose origin may not call | no |
         *     | `route-not-found` | 404 | no such route | no |
         *     | `conversation-not-found` | 404 | no such conversation of this user | no |
         *     | `turn-not-found` | 404 | no such turn of this user | no |
         *     | `message-not-found` | 404 | no such message of this user | no |
         *     | `method-not-allowed` | 405 | the path has other methods; see `Allow` | no |
         *     | `request-timeout` | 408 | the request took too long to arrive | same key |
         *     | `turn-in-progress` | 409 | the conversation's turn is still running | after `Retry-After` |
         *     | `idempotency-key-in-use` | 409 | the turn of this key is still running | after `Retry-After` |
         *     | `body-too-large` | 413 | the body has more than 256 KiB | no |
         *     | `uri-too-long` | 414 | the URL has more than 8,192 bytes | no |
         *     | `unsupported-media-type` | 415 | the body is not of a media type that the operation takes, in UTF-8 | no |
         *     | `validation-failed` | 422 | not what the contract says; see `errors` | no |
         *     | `idempotency-key-mismatch` | 422 | the key was used with another body | with a new key |
         *     | `headers-too-large` | 431 | the headers have more than 16 KiB | no |
         *     | `rate-limited` | 429 | a limit of the user's is reached; `limit` says which | after `Retry-After` |
         *     | `budget-exceeded` | 429 | of what the user may spend, less is left than the turn might cost at most; `limit` says of which budget | after `Retry-After` |
         *     | `internal-error` | 500 | our fault | same key |
         *     | `model-failed` | 502 | the model failed | same key |
         *     | `model-unreachable` | 502 | the model's provider cannot be reached | same key |
         *     | `model-unauthorized` | 502 | the provider does not take the server's key | no |
         *     | `model-context-exceeded` | 502 | the conversation is too long for the model | no |
         *     | `model-content-filtered` | 502 | the provider's content filter stopped the answer; what came before it is kept | no |
         *     | `model-empty-answer` | 502 | the model answered without a word | same key |
         *     | `model-tool-limit` | 502 | the model went on calling tools past the turn's limit, and gave no answer | same key |
         *     | `model-broken-off` | 502 | the answer broke off or became unreadable; what came before is kept | same key |
         *     | `database-unavailable` | 503 | the database cannot be reached | after `Retry-After` |
         *     | `keys-unavailable` | 503 | the login's public keys cannot be fetched | after `Retry-After` |
         *     | `shutting-down` | 503 | this instance is going away; try again | after `Retry-After` |
         *     | `too-many-connections` | 503 | this instance has as many connections as it serves at once; try again | after `Retry-After` |
         *     | `instance-overloaded` | 503 | this instance has as many running turns, waiting messages or streams as it takes on at once; try again | after `Retry-After` |
         *     | `assistant-unavailable` | 503 | this instance does not have the conversation's assistant: another one may, or the operator has taken it away | after `Retry-After` |
         *     | `service-budget-exceeded` | 503 | of what all users together may spend, less is left than the turn might cost at most; `limit` is `budget` | after `Retry-After` |
         *     | `turn-interrupted` | 503 | the instance that ran the turn gave it up | after `Retry-After` |
         *     | `model-overloaded` | 503 | the provider has too much to do, or allows no more for now; see `Retry-After` | after `Retry-After` |
         *     | `model-timeout` | 504 | the model took too long | same key |
         *
         *     To repeat with the *same key* is to send the request again with the same `Idempotency-Key`: a failed turn is tried again, an ended one is
         *     answered again, and nothing is done twice. After `Retry-After`: wait for as many seconds first, and keep the key. Only createTurn and streamNewTurn take a
         *     key. createConversation and forkConversation, repeated, may leave another conversation behind; all else is safe to repeat as it is.
         */
        ProblemCode: components["schemas"]["KnownProblemCode"];
        /**
         * @description `running-turns` and `waiting-messages` (those that wait for their conversation's turn) count at once, `turns-per-minute` from the minute's first turn on,
         *     `turns-per-day` and `tokens-per-day` per day in UTC. All instances share them. A turn that begins below `tokens-per-day` may end above it.
         *     `budget-per-day` and `budget-per-month` (in UTC) are money, in microunits: what was spent, and what running turns might cost at most. `budget` is the one for
         *     all users together, which comes with `service-budget-exceeded`; how much it is, is not told. `update-streams` are those of streamUpdates, on one
         *     instance.
         * @enum {string}
         */
        KnownRateLimit: "running-turns" | "waiting-messages" | "turns-per-minute" | "turns-per-day" | "tokens-per-day" | "budget-per-day" | "budget-per-month" | "budget" | "update-streams";
        /** @description The limit that was reached. */
        RateLimit: components["schemas"]["KnownRateLimit"];
        FieldError: {
            code: components["schemas"]["FieldErrorCode"];
            /**
             * @description A JSON Pointer (RFC 6901) that begins with the part, `/body`, `/query`, `/path` or `/headers`.
             * @example /body/message
             */
            path: string;
            /** @description What is wrong, for people. */
            message: string;
        };
        /** @enum {string} */
        KnownFieldErrorCode: "required" | "unknown" | "type" | "format" | "value" | "too-short" | "too-long" | "too-small" | "too-large" | "too-few" | "too-many" | "order" | "cursor";
        /**
         * @description What is wrong: `required`, it is missing; `unknown`, there is no such field or parameter; `type`, another JSON type; `format`, not written as
         *     it has to be; `value`, none of the values that are allowed; `too-short` and `too-long`, a text; `too-small` and `too-large`, a number; `too-few` and
         *     `too-many`, the entries of a list or the fields of an object; `order`, it contradicts another one; `cursor`, not a cursor of this list.
         */
        FieldErrorCode: components["schemas"]["KnownFieldErrorCode"];
    };
    responses: {
        /** @description The URL or a header cannot be read: a bad percent-encoding, a NUL, or a header sent twice. */
        Unreadable: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The URL, a header or the body cannot be read. */
        UnreadableBody: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No token, or one that does not verify. The body never says which check failed. */
        Unauthenticated: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                "WWW-Authenticate": components["headers"]["WwwAuthenticate"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A valid token whose subject is not the path's user_id. */
        Forbidden: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description A limit of the user's is reached (`rate-limited`), which `limit` names; nothing was stored, and no model was asked. `budget-exceeded`
         *     says the same of money: less is left than the turn might cost at most.
         */
        RateLimited: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                "Retry-After": components["headers"]["RetryAfter"];
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimitPolicy"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unknown, or another user's. Both are answered the same. */
        MessageNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no such conversation of this user, or no such message in it. */
        PlaceNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unknown, or another user's. Both are answered the same. */
        ConversationNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unknown, or another user's. Both are answered the same. */
        TurnNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The request took too long to arrive. The connection is closed. */
        RequestTimeout: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A turn is still running past the bounded wait: another one of the conversation (`turn-in-progress`), or this key's own (`idempotency-key-in-use`). `turn_id` names it. */
        TurnConflict: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body has more than 256 KiB. */
        BodyTooLarge: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The file has more than 64 MiB, or a conversation in it more than 8 MiB. */
        ImportTooLarge: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The URL has more than 8,192 bytes. */
        UriTooLong: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is not of a media type that the operation declares, in UTF-8, uncompressed. */
        UnsupportedMediaType: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description It could be read, but is not what the contract says: a missing, unknown or malformed field, id, parameter or cursor. */
        ValidationFailed: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description It could be read, but is not what the contract says: a missing, unknown or malformed field, id or parameter, or an Idempotency-Key that was used with another body. */
        TurnUnprocessable: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The headers have more than 16 KiB. The connection is closed. */
        HeadersTooLarge: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Our fault, never the caller's. The cause is in the server's log, under the request_id. */
        InternalError: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The model failed. The user's message and the failed turn are stored. */
        ModelFailed: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description This instance cannot serve the request now. */
        Unavailable: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description This instance cannot serve the request now, too little is left of what all users together may spend (`service-budget-exceeded`), the instance gave the turn up (`turn-interrupted`), or the model's provider has too much to do (`model-overloaded`), the last two with `turn_id`. */
        TurnUnavailable: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The model took too long. The user's message and the failed turn are stored. */
        ModelTimeout: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Cache-Control": components["headers"]["NoStore"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /**
         * @description The user's id, as in the token's `sub`.
         * @example alice
         */
        UserIdParameter: components["schemas"]["UserId"];
        /**
         * @description The conversation's id.
         * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
         */
        ConversationIdParameter: components["schemas"]["Id"];
        /**
         * @description The turn's id.
         * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
         */
        TurnIdParameter: components["schemas"]["Id"];
        /**
         * @description `asc` is oldest first, `desc` newest first.
         * @example desc
         */
        OrderParameter: components["schemas"]["Order"];
        /**
         * @description `active` lists the branch that the conversation is on, `all` the messages of every branch.
         * @example all
         */
        BranchParameter: components["schemas"]["BranchChoice"];
        /**
         * @description What is left out otherwise, so that nobody meets it who does not know it: `reasoning` is the model's reasoning, as parts of its messages, where it is
         *     kept. Separated by commas.
         * @example [
         *       "reasoning"
         *     ]
         */
        IncludeParameter: components["schemas"]["Inclusion"][];
        /**
         * @description The message's id.
         * @example 019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f
         */
        MessageIdParameter: components["schemas"]["Id"];
        /**
         * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
         * @example 20
         */
        LimitParameter: number;
        /**
         * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
         * @example eyJhZnRlciI6WzJdfQ.8J3kq0
         */
        CursorParameter: components["schemas"]["CursorValue"];
        /**
         * @description Your own, up to 255 characters of visible ASCII, bare or as a quoted string (RFC 9651); `"a"` and `a` are the same key. It belongs to the
         *     user, and makes repeating the request safe (draft-ietf-httpapi-idempotency-key-header).
         * @example "8e03978e-40d5-43dd-bc93-6894a57f9324"
         */
        IdempotencyKeyParameter: components["schemas"]["IdempotencyKey"];
        /**
         * @description The `id` of the last event that was received. A client that reads the stream with `fetch` sends it itself; browsers' EventSource, which would send it, cannot
         *     send a token.
         * @example 1-42
         */
        LastEventIdParameter: components["schemas"]["EventId"];
        /**
         * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
         *     or with a text that is none, the answer is as new as can be.
         * @example 000000161B374D84
         */
        ConsistencyTokenParameter: components["schemas"]["ConsistencyToken"];
        /**
         * @description The `id` of the last event that was received.
         * @example WyIyMDI2LTExLTIxVDA5OjMwOjAwLjAwMFoiXQ.Yx3kq0Jm1vQd8f2a
         */
        LastUpdateIdParameter: components["schemas"]["UpdateId"];
    };
    requestBodies: never;
    headers: {
        /**
         * @description The request's id, as in a problem's `request_id` and in the server's log.
         * @example 019a0c4e-7b7a-7c15-9c3d-7e8f90a1b2c3
         */
        RequestId: string;
        /**
         * @description Nothing may keep the answer (RFC 9111).
         * @example no-store
         */
        NoStore: "no-store";
        /**
         * @description The version of the AI SDK's UI message stream.
         * @example v1
         */
        StreamVersion: "v1";
        /**
         * @description Where it is (RFC 9110), as seen from the request's URL.
         * @example conversations/019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
         */
        Location: string;
        /**
         * @description A name under which it may be saved (RFC 6266).
         * @example attachment; filename="colloquy-export.ndjson"
         */
        Attachment: string;
        /**
         * @description The version of the AI SDK's UI message stream, where the answer is one.
         * @example v1
         */
        StreamVersionIfStreamed: "v1";
        /**
         * @description What is left of the limit that was reached, and for how many seconds, where time alone gives more (draft-ietf-httpapi-ratelimit-headers-10).
         * @example "turns-per-minute";r=0;t=12
         */
        RateLimit: string;
        /**
         * @description The user's limits, per window of `w` seconds or, without `w`, at once (draft-ietf-httpapi-ratelimit-headers-10).
         * @example "turns-per-minute";q=60;w=60
         */
        RateLimitPolicy: string;
        /**
         * @description Stands for all that this response shows or has written. Absent where the server has no replicas, or does not know; then hold none.
         * @example 000000161B374D84
         */
        ConsistencyToken: components["schemas"]["ConsistencyToken"];
        /**
         * @description `true` when the answer is that of an earlier request with the same Idempotency-Key.
         * @example true
         */
        IdempotencyReplayed: "true";
        /**
         * @description How long anybody may keep the answer.
         * @example public, max-age=300
         */
        PublicForMinutes: "public, max-age=300";
        /**
         * @description Seconds after which a retry makes sense (RFC 9110).
         * @example 1
         */
        RetryAfter: number;
        /**
         * @description `Bearer` without a token, `Bearer error="invalid_token"` with a bad one (RFC 6750).
         * @example Bearer error="invalid_token"
         */
        WwwAuthenticate: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    createTurn: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Your own, up to 255 characters of visible ASCII, bare or as a quoted string (RFC 9651); `"a"` and `a` are the same key. It belongs to the
                 *     user, and makes repeating the request safe (draft-ietf-httpapi-idempotency-key-header).
                 * @example "8e03978e-40d5-43dd-bc93-6894a57f9324"
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKeyParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /** @description The message, and the conversation that it continues. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["TurnRequest"];
            };
        };
        responses: {
            /** @description The turn has ended and is stored. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    "Idempotency-Replayed": components["headers"]["IdempotencyReplayed"];
                    "X-Vercel-AI-UI-Message-Stream": components["headers"]["StreamVersionIfStreamed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TurnAnswer"];
                    "text/event-stream": components["schemas"]["StreamEvent"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["PlaceNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["TurnConflict"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["TurnUnprocessable"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            502: components["responses"]["ModelFailed"];
            503: components["responses"]["TurnUnavailable"];
            504: components["responses"]["ModelTimeout"];
        };
    };
    streamNewTurn: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Your own, up to 255 characters of visible ASCII, bare or as a quoted string (RFC 9651); `"a"` and `a` are the same key. It belongs to the
                 *     user, and makes repeating the request safe (draft-ietf-httpapi-idempotency-key-header).
                 * @example "8e03978e-40d5-43dd-bc93-6894a57f9324"
                 */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKeyParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /** @description The message, and the conversation that it continues. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["TurnRequest"];
            };
        };
        responses: {
            /** @description The turn's events, to the turn's end. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "X-Vercel-AI-UI-Message-Stream": components["headers"]["StreamVersion"];
                    "Idempotency-Replayed": components["headers"]["IdempotencyReplayed"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamEvent"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["PlaceNotFound"];
            408: components["responses"]["RequestTimeout"];
            409: components["responses"]["TurnConflict"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["TurnUnprocessable"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["TurnUnavailable"];
        };
    };
    getTurn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The turn. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["TurnNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    streamTurn: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `id` of the last event that was received. A client that reads the stream with `fetch` sends it itself; browsers' EventSource, which would send it, cannot
                 *     send a token.
                 * @example 1-42
                 */
                "Last-Event-ID"?: components["parameters"]["LastEventIdParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The turn's events, from where the client asked for them to the turn's end. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "X-Vercel-AI-UI-Message-Stream": components["headers"]["StreamVersion"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamEvent"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["TurnNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    cancelTurn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The turn's id.
                 * @example 019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50
                 */
                turn_id: components["parameters"]["TurnIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The turn has ended. Its status is `cancelled`, or what it was before. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            /** @description The turn was told to stop and has not stopped yet. Ask getTurn. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Turn"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["TurnNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listConversations: {
        parameters: {
            query?: {
                /**
                 * @description List the archived conversations instead of the others.
                 * @example false
                 */
                archived?: boolean;
                /**
                 * @description List only pinned conversations, or only the others; both when absent.
                 * @example true
                 */
                pinned?: boolean;
                /**
                 * @description List only conversations whose metadata has these pairs: `metadata[project]=kitchen`. A key with a bracket in it cannot be asked for.
                 * @example {
                 *       "project": "kitchen"
                 *     }
                 */
                metadata?: components["schemas"]["Metadata"];
                /**
                 * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
                 * @example 20
                 */
                limit?: components["parameters"]["LimitParameter"];
                /**
                 * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["parameters"]["CursorParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of conversations. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationPage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /** @description All of it may be left out. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConversationCreation"];
            };
        };
        responses: {
            /** @description The conversation. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getConversation: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. A second call is `404`. */
            204: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /** @description At least one of the six. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConversationUpdate"];
                "application/merge-patch+json": components["schemas"]["ConversationUpdate"];
            };
        };
        responses: {
            /** @description The conversation as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["PlaceNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    forkConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        /** @description The message, and a title for the copy. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConversationFork"];
            };
        };
        responses: {
            /** @description The conversation. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["PlaceNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    streamConversation: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The `id` of the last event that was received. A client that reads the stream with `fetch` sends it itself; browsers' EventSource, which would send it, cannot
                 *     send a token.
                 * @example 1-42
                 */
                "Last-Event-ID"?: components["parameters"]["LastEventIdParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The turn's events, from where the client asked for them to the turn's end. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "X-Vercel-AI-UI-Message-Stream": components["headers"]["StreamVersion"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamEvent"];
                };
            };
            /** @description No turn is running. */
            204: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listTurns: {
        parameters: {
            query?: {
                /**
                 * @description `asc` is oldest first, `desc` newest first.
                 * @example desc
                 */
                order?: components["parameters"]["OrderParameter"];
                /**
                 * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
                 * @example 20
                 */
                limit?: components["parameters"]["LimitParameter"];
                /**
                 * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["parameters"]["CursorParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of turns. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TurnPage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /**
                 * @description `asc` is oldest first, `desc` newest first.
                 * @example desc
                 */
                order?: components["parameters"]["OrderParameter"];
                /**
                 * @description `active` lists the branch that the conversation is on, `all` the messages of every branch.
                 * @example all
                 */
                branch?: components["parameters"]["BranchParameter"];
                /**
                 * @description What is left out otherwise, so that nobody meets it who does not know it: `reasoning` is the model's reasoning, as parts of its messages, where it is
                 *     kept. Separated by commas.
                 * @example [
                 *       "reasoning"
                 *     ]
                 */
                include?: components["parameters"]["IncludeParameter"];
                /**
                 * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
                 * @example 20
                 */
                limit?: components["parameters"]["LimitParameter"];
                /**
                 * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["parameters"]["CursorParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of messages. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessagePage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    streamUpdates: {
        parameters: {
            query?: {
                /**
                 * @description After how many seconds the stream ends, for clients that read an answer as a whole.
                 * @example 1
                 */
                max_seconds?: number;
            };
            header?: {
                /**
                 * @description The `id` of the last event that was received.
                 * @example WyIyMDI2LTExLTIxVDA5OjMwOjAwLjAwMFoiXQ.Yx3kq0Jm1vQd8f2a
                 */
                "Last-Event-ID"?: components["parameters"]["LastUpdateIdParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What changes, from now on or from where the client asked for it. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["UpdateEvent"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getMessage: {
        parameters: {
            query?: {
                /**
                 * @description What is left out otherwise, so that nobody meets it who does not know it: `reasoning` is the model's reasoning, as parts of its messages, where it is
                 *     kept. Separated by commas.
                 * @example [
                 *       "reasoning"
                 *     ]
                 */
                include?: components["parameters"]["IncludeParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The message's id.
                 * @example 019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f
                 */
                message_id: components["parameters"]["MessageIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["MessageNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    rateMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The message's id.
                 * @example 019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f
                 */
                message_id: components["parameters"]["MessageIdParameter"];
            };
            cookie?: never;
        };
        /** @description All of the feedback. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["FeedbackRequest"];
            };
        };
        responses: {
            /** @description The feedback as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Feedback"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["MessageNotFound"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["BodyTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listModels: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The models. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelPage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listAssistants: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The assistants. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AssistantPage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    searchMessages: {
        parameters: {
            query: {
                /**
                 * @description What to search, 1 to 200 characters (Unicode code points), of which one can be seen.
                 * @example "train to Rome" ticket
                 */
                q: string;
                /**
                 * @description Search only this conversation.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id?: components["schemas"]["Id"];
                /**
                 * @description Search only archived conversations, or only the others; all of them when absent.
                 * @example false
                 */
                archived?: boolean;
                /**
                 * @description Only what was created at this time or later.
                 * @example 2026-11-01T00:00:00Z
                 */
                after?: components["schemas"]["Instant"];
                /**
                 * @description Only what was created before this time.
                 * @example 2026-12-01T00:00:00Z
                 */
                before?: components["schemas"]["Instant"];
                /**
                 * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
                 * @example 20
                 */
                limit?: components["parameters"]["LimitParameter"];
                /**
                 * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["parameters"]["CursorParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of results. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchPage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listUsage: {
        parameters: {
            query?: {
                /**
                 * @description A day such as 2026-11-01. The first that counts.
                 * @example 2026-11-01
                 */
                first_day?: components["schemas"]["Day"];
                /**
                 * @description A day such as 2026-11-30. The last that counts; not before `first_day`.
                 * @example 2026-11-30
                 */
                last_day?: components["schemas"]["Day"];
                /**
                 * @description How many entries a page has at most. It may have fewer, and only `next_cursor` says whether it is the last.
                 * @example 20
                 */
                limit?: components["parameters"]["LimitParameter"];
                /**
                 * @description The `next_cursor` of the page before. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["parameters"]["CursorParameter"];
            };
            header?: {
                /**
                 * @description The greatest `Consistency-Token` that you hold: see **Reading from replicas**. The answer shows all that the token stands for. Without it,
                 *     or with a text that is none, the answer is as new as can be.
                 * @example 000000161B374D84
                 */
                "Consistency-Token"?: components["parameters"]["ConsistencyTokenParameter"];
            };
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of the usage. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsagePage"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    eraseUser: {
        parameters: {
            query: {
                /**
                 * @description The user's id again. Another one is `422`, and nothing is erased.
                 * @example alice
                 */
                confirm: components["schemas"]["UserId"];
            };
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing is left. The receipt. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Erasure"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    exportUser: {
        parameters: {
            query?: {
                /**
                 * @description The `cursor` of the last line that was received. Opaque; a changed one is `422`.
                 * @example eyJhZnRlciI6WzJdfQ.8J3kq0
                 */
                cursor?: components["schemas"]["CursorValue"];
            };
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lines, each with a line feed at its end. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    "Content-Disposition": components["headers"]["Attachment"];
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ExportLine"];
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    importUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
            };
            cookie?: never;
        };
        /** @description The file. */
        requestBody: {
            content: {
                "application/x-ndjson": components["schemas"]["ImportedFile"];
                "application/json": components["schemas"]["ImportedFile"];
            };
        };
        responses: {
            /** @description What was taken of the file, and what was not. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportReport"];
                };
            };
            400: components["responses"]["UnreadableBody"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["RequestTimeout"];
            413: components["responses"]["ImportTooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    exportConversation: {
        parameters: {
            query?: {
                /**
                 * @description Which of the two.
                 * @example markdown
                 */
                format?: components["schemas"]["ExportFormat"];
            };
            header?: never;
            path: {
                /**
                 * @description The user's id, as in the token's `sub`.
                 * @example alice
                 */
                user_id: components["parameters"]["UserIdParameter"];
                /**
                 * @description The conversation's id.
                 * @example 019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e
                 */
                conversation_id: components["parameters"]["ConversationIdParameter"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation. Its media type is that of the format. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    "Consistency-Token": components["headers"]["ConsistencyToken"];
                    "Content-Disposition": components["headers"]["Attachment"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationExport"];
                    "text/markdown": string;
                };
            };
            400: components["responses"]["Unreadable"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["ConversationNotFound"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            429: components["responses"]["RateLimited"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getLiveness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Alive. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Liveness"];
                };
            };
            400: components["responses"]["Unreadable"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["Unreadable"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getToolKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The public keys. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    "Cache-Control": components["headers"]["PublicForMinutes"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ToolKeys"];
                };
            };
            400: components["responses"]["Unreadable"];
            408: components["responses"]["RequestTimeout"];
            414: components["responses"]["UriTooLong"];
            422: components["responses"]["ValidationFailed"];
            431: components["responses"]["HeadersTooLarge"];
            500: components["responses"]["InternalError"];
        };
    };
}
