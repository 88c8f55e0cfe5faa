import { isJsonObject, type JsonObject } from '../../json-object.js'
import { parseJson } from '../../parse-json.js'

/** A provider's error, reduced to what providers have in common. */
export interface ErrorBody {
  /** HTTP statuses that the body names */
  statuses: number[]
  /** the provider's own codes for the kind of error */
  codes: string[]
  /** free text; matched, but never logged */
  text: string
  /** Google's `retryDelay`, such as `12s`: the pause that it asks for */
  retryAfterMs?: number
}

/** An error's fields, by their names without case and underscores: `errorCode` is `error_code`. */
const fieldsOf = (error: JsonObject): [name: string, value: unknown][] =>
  Object.entries(error)
    .slice(0, maxFields)
    .map(([name, value]) => [name.toLowerCase().replace(/[_-]/g, ''), value])

/** Where providers put an HTTP status or a code of their own. `__type` is Amazon's. */
const codeFields = new Set([
  'type',
  'code',
  'status',
  'reason',
  'errortype',
  'errorcode',
  'errcode',
  'statuscode',
])
/** Where they put a text, or the error itself. */
const innerFields = new Set([
  'error',
  'errors',
  'err',
  'fault',
  'faultstring',
  'innererror',
  'response',
  'responsemetadata',
  'result',
  'data',
  'detail',
  'details',
  'message',
  'errormessage',
  'errormsg',
  'errmsg',
  'errordescription',
  'msg',
  'reason',
  'title',
  'metadata',
  'raw',
  'ctx',
  'text',
  'baseresp',
  'statusmsg',
  // An error of OpenRouter's may be in the choice.
  'choices',
])
/** Says that it is an error, and nothing about it. */
const isMarker = (code: string): boolean => code === 'error' || code === 'response.failed'

const maxDepth = 8
const maxItems = 10
const maxFields = 50
/** Where an error that is XML has its code. */
const maxXml = 2_000

/** Reads an error in any of the shapes in which providers send them; a text may be JSON again. */
export const readErrorBody = (body: unknown): ErrorBody => {
  const found = { statuses: [] as number[], codes: [] as string[], texts: [] as string[] }
  let retryAfterMs: number | undefined
  const readCode = (value: unknown): void => {
    const number = typeof value === 'number' || /^\d{3}$/.test(String(value)) ? Number(value) : undefined
    if (number !== undefined && number >= 400 && number < 600) found.statuses.push(number)
    if (typeof value === 'string' && value !== '' && number === undefined && !isMarker(value))
      found.codes.push(value)
  }
  const readText = (text: string, field: string, depth: number): void => {
    const parsed = /^\s*[[{"]/.test(text) ? parseJson(text) : undefined
    for (const [, code] of text.slice(0, maxXml).matchAll(/<code>\s*(\w+)\s*<\/code>/gi)) readCode(code)
    if (parsed !== undefined) read(parsed, field, depth + 1)
    else if (field === 'error' && /^[a-z]+([_-][a-z]+)*$/i.test(text)) found.codes.push(text)
    else found.texts.push(text)
  }
  const read = (value: unknown, field: string, depth: number): void => {
    if (depth > maxDepth) return
    if (typeof value === 'string') readText(value, field, depth)
    else if (Array.isArray(value)) {
      for (const item of value.slice(0, maxItems)) read(item, field, depth + 1)
    } else if (isJsonObject(value)) {
      for (const [name, member] of fieldsOf(value)) {
        if (codeFields.has(name)) readCode(member)
        const [, seconds] = (name === 'retrydelay' && /^(\d{1,9}(?:\.\d+)?)s$/.exec(String(member))) || []
        if (seconds) retryAfterMs = Number(seconds) * 1_000
        // A list of errors may be one by the names of what is wrong.
        if (innerFields.has(name) || field === 'errors') read(member, name, depth + 1)
      }
    } else if (field === 'error') readCode(value)
  }
  read(body, '', 0)
  const { statuses, codes, texts } = found
  return {
    statuses,
    codes: [...new Set(codes)].slice(0, maxItems),
    text: texts.join('\n').slice(0, 10_000),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

const isFilled = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.values(value).some(Boolean) : Boolean(value)

/** Whether a code or a text says that all is well. */
const isSuccess = (value: unknown): boolean =>
  value !== null && /^(0|200|none|null|no|false|ok|success|succeeded)$/i.test(String(value))

/** Whether it is an error, and not one that says that there is none. */
const isActualError = (error: unknown): boolean =>
  isFilled(error) &&
  !isSuccess(isJsonObject(error) ? error.code || (error.message ?? error.msg ?? error.code) : error)

/** Whether JSON says of itself that it is an error, whatever else it has. */
export const isError = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(isError)
  if (!isJsonObject(value)) return false
  const { type, object, response, choices, base_resp: base, ...rest } = value
  const { error, fault, errors, errormsg, errormessage, errmsg, errorcode, errcode } = Object.fromEntries(
    fieldsOf(rest),
  )
  const text = [errormsg, errormessage, errmsg].some((text) => isFilled(text) && !isSuccess(text))
  return (
    [error, fault, errors].some(isActualError) ||
    (Array.isArray(choices) &&
      choices.some((choice) => isJsonObject(choice) && isActualError(choice.error))) ||
    (text && !isSuccess(errorcode ?? errcode)) ||
    type === 'error' ||
    object === 'error' ||
    (type === 'response.failed' && isJsonObject(response) && isFilled(response.error)) ||
    (isJsonObject(base) && typeof base.status_code === 'number' && base.status_code !== 0)
  )
}

const isStatus = (value: unknown): boolean => Number(value) >= 400 && Number(value) < 600

/**
 * What JSON is that is neither a part of an answer nor marked as an error: an `error`; a `notice`, which is one as well unless the
 * answer goes on after it, such as a place in a queue; or undefined, when it says nothing.
 */
export const readBare = (value: JsonObject): 'error' | 'notice' | undefined => {
  const {
    detail,
    message,
    msg,
    err,
    type,
    status,
    success,
    code,
    statuscode,
    result,
    data,
    responsemetadata,
  } = Object.fromEntries(fieldsOf(value))
  const codes = [code, statuscode, status]
  if (isFilled(err) || success === false || [result, data, responsemetadata].some(isError)) return 'error'
  if (codes.some(isSuccess)) return undefined
  const text = message ?? msg
  if (!isFilled(detail) && (typeof text !== 'string' || text === '')) return undefined
  if (codes.some(isStatus) || isFilled(code) || /error|exception|fail/i.test(`${type} ${status}`))
    return 'error'
  return isFilled(detail) || (type === undefined && status === undefined) ? 'notice' : undefined
}
